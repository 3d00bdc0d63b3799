import type { HeaderBlock } from '../http/stream.ts';
import { EncoderTable, type KnownName } from './encoder-table.ts';
import { encodeHuffman, huffmanLength } from './huffman-encoder.ts';
import type { SensitiveNames } from './indexing.ts';
import type { SharedStrings } from './shared-strings.ts';

export interface HpackEncoderOptions {
  /** What we keep at most; the peer's SETTINGS_HEADER_TABLE_SIZE may make it less. */
  readonly maxTableBytes: number;
  /** Costs CPU for bytes: off towards our own gateways. */
  readonly huffman: boolean;
  readonly sensitive: SensitiveNames;
  readonly strings: SharedStrings;
}

/** Indexed field, literal with indexing, without, never indexed (RFC 7541 section 6): first bits and prefix size. */
const INDEXED = 0x80;
const WITH_INDEXING = 0x40;
const WITHOUT_INDEXING = 0x00;
const NEVER_INDEXED = 0x10;
const SIZE_UPDATE = 0x20;

const DEFAULT_TABLE_BYTES = 4096;
/** A larger value is not worth driving out what else the table holds. */
const MAX_INDEXED_VALUE_BYTES = 1024;
const RECENT_VALUES = 8;
const SHORT_STRING = 16;
const QUERY = '?';
/** A field's integers: the longest that a block can have. */
const MAX_INTEGERS_BYTES = 12;

/** Encodes flat header blocks (RFC 7541); one per connection. */
export class HpackEncoder {
  readonly #options: HpackEncoderOptions;
  readonly #table: EncoderTable;
  /** Values seen once, for names kept on second sight. */
  readonly #recent: string[] = [];
  #recentAt = 0;
  /** Smallest table size since the last block, when the size has changed. */
  #smallestBytes: number | undefined;

  constructor(options: HpackEncoderOptions) {
    this.#options = options;
    this.#table = new EncoderTable(Math.min(options.maxTableBytes, DEFAULT_TABLE_BYTES), options.strings);
    if (options.maxTableBytes < DEFAULT_TABLE_BYTES) this.#smallestBytes = options.maxTableBytes;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE: in force from the next block on, which says so. */
  limitTable(peerBytes: number): void {
    const bytes = Math.min(peerBytes, this.#options.maxTableBytes);
    if (bytes === this.#table.maxBytes) return;
    this.#smallestBytes = Math.min(bytes, this.#smallestBytes ?? bytes);
    this.#table.resize(bytes);
  }

  /** No block takes more than this. */
  maxEncodedBytes(block: HeaderBlock): number {
    let bytes = MAX_INTEGERS_BYTES;
    for (let at = 0; at < block.length; at += 2) {
      bytes += (block[at] as string).length + (block[at + 1] as string).length + MAX_INTEGERS_BYTES;
    }
    return bytes;
  }

  /** Writes the block at `position`; returns the position after it. There must be `maxEncodedBytes` of room. */
  encode(block: HeaderBlock, target: Buffer, position: number): number {
    this.#table.begin();
    const { sensitive } = this.#options;
    let at = this.#smallestBytes === undefined ? position : this.#sizeUpdates(target, position);
    for (let field = 0; field < block.length; field += 2) {
      const name = block[field] as string;
      const value = block[field + 1] as string;
      // Its values may be in the table from before: to find one there would tell a guess from a secret.
      const secret = sensitive.size > 0 && sensitive.has(name);
      let index = secret ? 0 : this.#table.recall(field >> 1, name, value);
      if (index === 0) {
        const known = this.#table.known(name);
        index = secret || known.indexing === 'never' ? 0 : this.#table.indexOf(field >> 1, known, value);
        if (index === 0) {
          at = this.#literal(known, value, target, at);
          continue;
        }
      }
      if (index < 127) target[at++] = INDEXED | index;
      else at = writeInteger(target, at, INDEXED, 7, index);
    }
    return at;
  }

  #sizeUpdates(target: Buffer, position: number): number {
    let at = position;
    const smallest = this.#smallestBytes ?? this.#table.maxBytes;
    this.#smallestBytes = undefined;
    if (smallest < this.#table.maxBytes) at = writeInteger(target, at, SIZE_UPDATE, 5, smallest);
    return writeInteger(target, at, SIZE_UPDATE, 5, this.#table.maxBytes);
  }

  #literal(known: KnownName, value: string, target: Buffer, position: number): number {
    const nameIndex = this.#table.nameIndex(known);
    const form = this.#form(known, value);
    let at = writeInteger(target, position, form, form === WITH_INDEXING ? 6 : 4, nameIndex);
    if (nameIndex === 0) at = this.#string(known.name, target, at);
    at = this.#string(value, target, at);
    if (form === WITH_INDEXING) this.#table.insert(known, value);
    return at;
  }

  #form(known: KnownName, value: string): number {
    if (known.indexing === 'never') return NEVER_INDEXED;
    const { sensitive } = this.#options;
    if (sensitive.size > 0 && sensitive.has(known.name)) return NEVER_INDEXED;
    if (known.indexing === 'without' || value.length > MAX_INDEXED_VALUE_BYTES) return WITHOUT_INDEXING;
    if (known.indexing === 'first-sight') return this.#formOfNew(known, value);
    if (value.includes(QUERY)) return WITHOUT_INDEXING;
    if (this.#recent.includes(value)) return this.#formOfNew(known, value);
    this.#recent[this.#recentAt] = value;
    this.#recentAt = (this.#recentAt + 1) % RECENT_VALUES;
    return WITHOUT_INDEXING;
  }

  #formOfNew(known: KnownName, value: string): number {
    return this.#table.admits(known, value) ? WITH_INDEXING : WITHOUT_INDEXING;
  }

  #string(text: string, target: Buffer, position: number): number {
    if (this.#options.huffman) {
      const bytes = huffmanLength(text);
      if (bytes < text.length) {
        return encodeHuffman(text, target, writeInteger(target, position, 0x80, 7, bytes));
      }
    }
    let at = writeInteger(target, position, 0, 7, text.length);
    if (text.length >= SHORT_STRING) {
      target.write(text, at, 'latin1');
      return at + text.length;
    }
    for (let index = 0; index < text.length; index++) target[at++] = text.charCodeAt(index);
    return at;
  }
}

/** RFC 7541 section 5.1; `form` has the bits before the prefix. */
function writeInteger(
  target: Buffer,
  position: number,
  form: number,
  prefixBits: number,
  value: number,
): number {
  const mask = (1 << prefixBits) - 1;
  if (value < mask) {
    target[position] = form | value;
    return position + 1;
  }
  let at = position;
  target[at++] = form | mask;
  let left = value - mask;
  while (left > 127) {
    target[at++] = (left & 127) | 128;
    left >>>= 7;
  }
  target[at++] = left;
  return at;
}
