const LIMIT = 1024;
const MAX_NAME_BYTES = 64;

/**
 * Lower-case field names by how they were written: the same string object each time, whose hash is known, which
 * makes every later look-up cheap. Bounded; names past the bound are simply not remembered.
 */
export class FieldNames {
  readonly #names = new Map<string, string>();

  lower(name: string): string {
    return this.#names.get(name) ?? this.#remember(name);
  }

  #remember(name: string): string {
    const lower = name.toLowerCase();
    if (this.#names.size < LIMIT && name.length <= MAX_NAME_BYTES) {
      // A copy: a slice would keep the whole head that it was cut from.
      this.#names.set(
        Buffer.from(name, 'latin1').toString('latin1'),
        Buffer.from(lower, 'latin1').toString('latin1'),
      );
    }
    return this.#names.get(name) ?? lower;
  }
}
