/** Of one generation; with the longest string that a table of ours takes that bounds the memory. */
const MAX_STRINGS = 2048;
const MAX_STRING_BYTES = 1024;

/**
 * Names and values that the HPACK tables of one worker's connections hold, each once: a field that comes out of one
 * table is then found in the next by the address of its value, and thousands of connections share the memory of what
 * all their tables hold. Two generations bound it: what nobody has asked for lately is forgotten here.
 */
export class SharedStrings {
  #young = new Map<string, string>();
  #old = new Map<string, string>();

  /** The one object for `text`, which is latin1. It keeps nothing else alive, as a slice of a message's head would. */
  of(text: string): string {
    if (text.length > MAX_STRING_BYTES) return detached(text);
    return this.#young.get(text) ?? this.#remember(this.#old.get(text) ?? detached(text));
  }

  #remember(text: string): string {
    if (this.#young.size >= MAX_STRINGS) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(text, text);
    return text;
  }
}

function detached(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
