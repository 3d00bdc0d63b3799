/** A slot: a name in lower case, and its bytes. */
interface Known {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const SLOTS = 512;
const MAX_NAME_BYTES = 64;

const LOWER_BYTE = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte,
);

/**
 * Lower-case field names by their bytes, as HTTP/1 writes them in any case: the same string object each time, whose
 * hash is known, and no string is made to find it. A table of fixed size: of two names in one slot the later stays.
 */
export class FieldNames {
  readonly #slots: (Known | undefined)[] = Array<Known | undefined>(SLOTS).fill(undefined);

  /** The name `buffer[start, end)`, which has at least one byte. */
  lower(buffer: Buffer, start: number, end: number): string {
    const length = end - start;
    const first = LOWER_BYTE[buffer[start] as number] as number;
    const last = LOWER_BYTE[buffer[end - 1] as number] as number;
    const middle = LOWER_BYTE[buffer[start + (length >> 1)] as number] as number;
    const slot = (length * 37 + first * 11 + middle * 5 + last) % SLOTS;
    const known = this.#slots[slot];
    if (known !== undefined && known.bytes.length === length && same(known.bytes, buffer, start))
      return known.name;
    return this.#remember(slot, buffer.toString('latin1', start, end).toLowerCase());
  }

  #remember(slot: number, name: string): string {
    if (name.length <= MAX_NAME_BYTES) this.#slots[slot] = { name, bytes: Buffer.from(name, 'latin1') };
    return name;
  }
}

function same(bytes: Uint8Array, buffer: Buffer, start: number): boolean {
  for (let index = 0; index < bytes.length; index++) {
    if (bytes[index] !== LOWER_BYTE[buffer[start + index] as number]) return false;
  }
  return true;
}
