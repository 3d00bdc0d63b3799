import { indexingOf, type SensitiveNames } from '../hpack/indexing.ts';
import { Repetition } from './repetition.ts';

const SLOTS = 512;
const MAX_NAME_BYTES = 64;
const MAX_VALUE_BYTES = 64;
const NOTHING = new Uint8Array(0);

const LOWER_BYTE = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte,
);

/** A field's name in lower case, and one value that it had lately: most messages say again what others said. */
export class KnownField {
  readonly name: string;
  readonly #name: Uint8Array;
  /** Values that do not repeat, and secrets, are not remembered. */
  readonly #remembers: boolean;
  readonly #sensitive: SensitiveNames;
  #value = '';
  #bytes: Uint8Array = NOTHING;
  readonly #repetition = new Repetition();

  constructor(name: string, sensitive: SensitiveNames) {
    const indexing = indexingOf(name);
    this.name = name;
    this.#sensitive = sensitive;
    this.#name = name.length > MAX_NAME_BYTES ? NOTHING : new Uint8Array(Buffer.from(name, 'latin1'));
    const short = name.length <= MAX_NAME_BYTES;
    this.#remembers = short && indexing !== 'never' && indexing !== 'without';
  }

  /** Whether `buffer[start, start + length)` is its name, in any case. */
  isNamed(buffer: Buffer, start: number, length: number): boolean {
    const bytes = this.#name;
    if (bytes.length !== length) return false;
    for (let index = 0; index < length; index++) {
      if (bytes[index] !== LOWER_BYTE[buffer[start + index] as number]) return false;
    }
    return true;
  }

  /** The value that it had lately, if a line has it again: `buffer` has it from `start` on, and then a line break. */
  again(buffer: Buffer, start: number): string | undefined {
    const bytes = this.#bytes;
    const { length } = bytes;
    if (length === 0 || buffer[start + length] !== CR || buffer[start + length + 1] !== LF) return undefined;
    for (let index = 0; index < length; index++) {
      if (bytes[index] !== buffer[start + index]) return undefined;
    }
    this.#repetition.came();
    return this.#value;
  }

  /** It has another value, which has only the bytes that a value may have, and no space around it. */
  remember(value: string): void {
    if (!this.#remembers || value.length === 0 || value.length > MAX_VALUE_BYTES) return;
    if (!this.#repetition.takes() || this.#sensitive.has(this.name)) return;
    const bytes = Buffer.from(value, 'latin1');
    this.#bytes = new Uint8Array(bytes);
    // Not a slice of its message's head, which would keep that alive.
    this.#value = bytes.toString('latin1');
  }
}

const CR = 0x0d;
const LF = 0x0a;

/**
 * Field names by their bytes, as HTTP/1 writes them in any case: the same string object each time, whose
 * hash is known, and no string is made to find it. A table of fixed size: of two names in one slot the later stays.
 */
export class FieldNames {
  readonly #slots: (KnownField | undefined)[] = Array<KnownField | undefined>(SLOTS).fill(undefined);

  readonly #sensitive: SensitiveNames;

  /** @param sensitive names that some peer marked as never to be indexed */
  constructor(sensitive: SensitiveNames) {
    this.#sensitive = sensitive;
  }

  /** The field named `buffer[start, end)`, which has at least one byte. */
  of(buffer: Buffer, start: number, end: number): KnownField {
    const length = end - start;
    const first = LOWER_BYTE[buffer[start] as number] as number;
    const last = LOWER_BYTE[buffer[end - 1] as number] as number;
    const middle = LOWER_BYTE[buffer[start + (length >> 1)] as number] as number;
    const slot = (length * 37 + first * 11 + middle * 5 + last) % SLOTS;
    const known = this.#slots[slot];
    if (known?.isNamed(buffer, start, length)) return known;
    const other = new KnownField(buffer.toString('latin1', start, end).toLowerCase(), this.#sensitive);
    if (length <= MAX_NAME_BYTES) this.#slots[slot] = other;
    return other;
  }
}
