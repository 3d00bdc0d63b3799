/**
 * A strict reader of DER (ITU-T X.690): definite, minimal lengths and one-byte tags only. It walks where the
 * grammar of its caller leads, so nesting in the input costs nothing.
 */

export class DerError extends Error {
  override readonly name = 'DerError';
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** A context-specific tag, `[number]`: constructed where it holds other elements. */
export function contextTag(number: number, constructed: boolean): number {
  return 0x80 | (constructed ? 0x20 : 0) | number;
}

export interface DerElement {
  readonly tag: number;
  /** Tag, length and content. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** @throws DerError when the next element is cut off, overlong or not DER. */
  next(): DerElement {
    const start = this.#at;
    const tag = this.#byte();
    if ((tag & 0x1f) === 0x1f) throw new DerError('multi-byte tag');
    const length = this.#length();
    const contentStart = this.#at;
    const end = contentStart + length;
    if (end > this.#bytes.length) throw new DerError('element is cut off');
    this.#at = end;
    return { tag, whole: this.#bytes.subarray(start, end), content: this.#bytes.subarray(contentStart, end) };
  }

  expect(tag: number): DerElement {
    const element = this.next();
    if (element.tag !== tag) throw new DerError(`expected tag ${hex(tag)}, found ${hex(element.tag)}`);
    return element;
  }

  /** The next element if it has this tag; nothing is consumed otherwise. */
  optional(tag: number): DerElement | undefined {
    return this.#bytes[this.#at] === tag ? this.next() : undefined;
  }

  /** @throws DerError when something follows. */
  end(): void {
    if (!this.atEnd) throw new DerError('something follows the last element');
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new DerError('element is cut off');
    this.#at += 1;
    return byte;
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 3) throw new DerError('indefinite or oversized length');
    let length = 0;
    for (let i = 0; i < count; i++) length = (length << 8) | this.#byte();
    if (length < 0x80 || length < 1 << (8 * (count - 1))) throw new DerError('length is not minimal');
    return length;
  }
}

/** The one element that the bytes hold. */
export function readWhole(bytes: Uint8Array, tag: number): DerElement {
  const reader = new DerReader(bytes);
  const element = reader.expect(tag);
  reader.end();
  return element;
}

/** A reader of the content of the next element, which must be a SEQUENCE. */
export function readSequence(reader: DerReader): DerReader {
  return new DerReader(reader.expect(TAG.sequence).content);
}

/** DER's only booleans are 0x00 and 0xff. */
export function readBoolean(content: Uint8Array): boolean {
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw new DerError('bad BOOLEAN');
  return content[0] === 0xff;
}

/** A small INTEGER that is not negative. */
export function readSmallInteger(content: Uint8Array): number {
  checkInteger(content);
  if (content.length > 4 || (content[0] ?? 0) >= 0x80) throw new DerError('INTEGER out of range');
  return content.reduce((value, byte) => value * 256 + byte, 0);
}

/** @throws DerError unless the content is a minimal INTEGER. */
export function checkInteger(content: Uint8Array): void {
  const [first, second] = content;
  if (first === undefined) throw new DerError('empty INTEGER');
  if (second === undefined) return;
  if ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)) {
    throw new DerError('INTEGER is not minimal');
  }
}

/** Dotted form, e.g. `2.5.29.17`. Arcs beyond 2^31 are refused: nothing that we know has one. */
export function readObjectIdentifier(content: Uint8Array): string {
  const arcs: number[] = [];
  let value = 0;
  let fresh = true;
  for (const byte of content) {
    if (fresh && byte === 0x80) throw new DerError('OBJECT IDENTIFIER is not minimal');
    if (value >= 1 << 24) throw new DerError('OBJECT IDENTIFIER arc out of range');
    value = value * 128 + (byte & 0x7f);
    fresh = byte < 0x80;
    if (fresh) {
      if (arcs.length === 0)
        arcs.push(Math.min(2, Math.floor(value / 40)), value - 40 * Math.min(2, Math.floor(value / 40)));
      else arcs.push(value);
      value = 0;
    }
  }
  if (!fresh || arcs.length === 0) throw new DerError('OBJECT IDENTIFIER is cut off');
  return arcs.join('.');
}

/** The bytes of a BIT STRING that holds whole bytes, as signatures and keys do. */
export function readBitString(content: Uint8Array): Uint8Array {
  if (content[0] !== 0) throw new DerError('BIT STRING does not hold whole bytes');
  return content.subarray(1);
}

/** The set bits of a BIT STRING of named flags, counted from 0 (X.680 section 22). */
export function readNamedBits(content: Uint8Array): ReadonlySet<number> {
  const unused = content[0];
  if (unused === undefined || unused > 7 || (content.length === 1 && unused !== 0)) {
    throw new DerError('bad BIT STRING');
  }
  const bits = new Set<number>();
  const count = (content.length - 1) * 8;
  for (let bit = 0; bit < count; bit++) {
    const byte = content[1 + (bit >> 3)] ?? 0;
    if ((byte & (0x80 >> (bit & 7))) === 0) continue;
    if (bit >= count - unused) throw new DerError('bad padding in BIT STRING');
    bits.add(bit);
  }
  return bits;
}

/** Seven-bit text, as IA5String content. */
export function readAscii(content: Uint8Array): string {
  for (const byte of content) if (byte >= 0x80) throw new DerError('IA5String has an eight-bit character');
  return Buffer.from(content.buffer, content.byteOffset, content.length).toString('latin1');
}

const UTC_TIME = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
const GENERALIZED_TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;

/** Unix ms of a UTCTime or GeneralizedTime in the only forms of RFC 5280 section 4.1.2.5. */
export function readTime(element: DerElement): number {
  const text = readAscii(element.content);
  const parts = (element.tag === TAG.utcTime ? UTC_TIME : GENERALIZED_TIME).exec(text);
  if (parts === null || (element.tag !== TAG.utcTime && element.tag !== TAG.generalizedTime)) {
    throw new DerError('bad time');
  }
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number);
  const century = element.tag === TAG.utcTime ? (year >= 50 ? 1900 : 2000) : 0;
  const time = new Date(0);
  time.setUTCFullYear(century + year, month - 1, day);
  time.setUTCHours(hour, minute, second, 0);
  const same = time.getUTCMonth() === month - 1 && time.getUTCDate() === day && time.getUTCHours() === hour;
  if (!same || minute > 59 || second > 59) throw new DerError('no such time');
  return time.getTime();
}

function hex(tag: number): string {
  return `0x${tag.toString(16).padStart(2, '0')}`;
}
