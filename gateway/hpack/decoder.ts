import { LOWER_NAME_BYTE, VALUE_BYTE } from '../http/field-characters.ts';
import type { HeaderBlock } from '../http/stream.ts';
import { DecoderTable } from './decoder-table.ts';
import { HpackError } from './hpack-error.ts';
import { decodeHuffman } from './huffman-decoder.ts';
import { indexingOf } from './indexing.ts';
import type { SharedStrings } from './shared-strings.ts';
import { ENTRY_OVERHEAD_BYTES, STATIC_ENTRIES, STATIC_NAMES, STATIC_VALUES } from './static-table.ts';

export interface HpackDecoderOptions {
  /** What we announce as SETTINGS_HEADER_TABLE_SIZE. */
  readonly maxTableBytes: number;
  readonly maxFields: number;
  /** Of names and values with 32 bytes for each field (RFC 9113 section 6.5.2). */
  readonly maxListBytes: number;
  /** Names that a peer sent as never indexed (RFC 7541 section 6.2.3): they must stay so on the next hop. */
  readonly sensitive?: { add(name: string): void };
  readonly strings: SharedStrings;
}

/** Why a block that could be decoded must not be used. */
export type BlockFlaw = 'too-large' | 'invalid-field';

/** Longer integers than any that we accept end here, before they overflow. */
const MAX_INTEGER = 2 ** 24;
const COLON = 0x3a;
const SPACE = 0x20;
const TAB = 0x09;

/** Decodes header blocks into flat name/value arrays (RFC 7541); one per connection. */
export class HpackDecoder {
  readonly #options: HpackDecoderOptions;
  readonly #table: DecoderTable;
  readonly #scratch: Buffer;
  #buffer: Buffer;
  #position = 0;
  #end = 0;
  #stringValid = true;
  #listBytes = 0;
  #flaw: BlockFlaw | undefined;

  constructor(options: HpackDecoderOptions, scratch: Buffer) {
    this.#options = options;
    this.#table = new DecoderTable(options.maxTableBytes);
    this.#scratch = scratch;
    this.#buffer = scratch;
  }

  /** Of the block decoded last; a block with a flaw is incomplete. */
  get flaw(): BlockFlaw | undefined {
    return this.#flaw;
  }

  /** Size of the dynamic table (RFC 7541 section 4.1). */
  get tableBytes(): number {
    return this.#table.bytes;
  }

  /** @throws HpackError when the block breaks the coding: the connection cannot go on. */
  decode(buffer: Buffer, start: number, end: number): HeaderBlock {
    this.#buffer = buffer;
    this.#position = start;
    this.#end = end;
    this.#flaw = undefined;
    this.#listBytes = 0;
    const block: HeaderBlock = [];
    this.#sizeUpdates();
    while (this.#position < end) {
      const byte = buffer[this.#position] as number;
      if (byte >= 0x80) this.#indexed(block);
      else if (byte >= 0x40) this.#literal(block, 6, true);
      else if (byte >= 0x20) throw new HpackError('table size update after the first field');
      else this.#literal(block, 4, false);
    }
    this.#buffer = this.#scratch;
    return block;
  }

  /** Only at the beginning of a block, at most two (RFC 7541 section 4.2). */
  #sizeUpdates(): void {
    for (let count = 0; this.#position < this.#end; count++) {
      if (((this.#buffer[this.#position] as number) & 0xe0) !== 0x20) return;
      if (count === 2) throw new HpackError('more than two table size updates');
      const bytes = this.#integer(5);
      if (bytes > this.#options.maxTableBytes) throw new HpackError('table size update above our setting');
      this.#table.resize(bytes);
    }
  }

  #indexed(block: HeaderBlock): void {
    const index = this.#integer(7);
    if (index <= STATIC_ENTRIES) {
      if (index === 0) throw new HpackError('index 0');
      this.#push(block, STATIC_NAMES[index] as string, STATIC_VALUES[index] as string, true);
      return;
    }
    const slot = this.#slot(index);
    this.#push(block, this.#table.name(slot), this.#table.value(slot), this.#table.valid(slot));
  }

  #literal(block: HeaderBlock, prefixBits: number, indexing: boolean): void {
    const never = !indexing && ((this.#buffer[this.#position] as number) & 0x10) !== 0;
    const index = this.#integer(prefixBits);
    let name = this.#literalName(index);
    let valid = this.#stringValid;
    let value = this.#string(false);
    valid = valid && this.#stringValid && !hasOuterSpace(value);
    if (indexing) {
      // What most requests have comes from here: the encoder of the next hop finds it at once.
      if (index === 0) name = this.#options.strings.of(name);
      // A secret lives as long as its connection alone.
      if (indexingOf(name) !== 'never') value = this.#options.strings.of(value);
      this.#table.insert(name, value, valid);
    }
    if (never) this.#options.sensitive?.add(name);
    this.#push(block, name, value, valid);
  }

  #literalName(index: number): string {
    this.#stringValid = true;
    if (index === 0) return this.#string(true);
    if (index <= STATIC_ENTRIES) return STATIC_NAMES[index] as string;
    const slot = this.#slot(index);
    // The entry may be invalid for its value alone; then this field is refused with it.
    this.#stringValid = this.#table.valid(slot);
    return this.#table.name(slot);
  }

  #push(block: HeaderBlock, name: string, value: string, valid: boolean): void {
    this.#listBytes += name.length + value.length + ENTRY_OVERHEAD_BYTES;
    if (this.#listBytes > this.#options.maxListBytes || block.length >= 2 * this.#options.maxFields) {
      this.#flaw = 'too-large';
      return;
    }
    if (!valid) this.#flaw ??= 'invalid-field';
    block.push(name, value);
  }

  #slot(index: number): number {
    const slot = this.#table.slot(index - STATIC_ENTRIES - 1);
    if (slot < 0) throw new HpackError(`index ${index} is not in the table`);
    return slot;
  }

  /** RFC 7541 section 5.1. */
  #integer(prefixBits: number): number {
    const buffer = this.#buffer;
    const mask = (1 << prefixBits) - 1;
    let value = (buffer[this.#position++] as number) & mask;
    if (value < mask) return value;
    for (let shift = 0; this.#position < this.#end; shift += 7) {
      const byte = buffer[this.#position++] as number;
      if (shift > 21) throw new HpackError('integer is too large');
      value += (byte & 0x7f) << shift;
      if (value > MAX_INTEGER) throw new HpackError('integer is too large');
      if (byte < 0x80) return value;
    }
    throw new HpackError('block ends inside an integer');
  }

  /** RFC 7541 section 5.2; tells in `#stringValid` whether it has only bytes that a name or a value may have. */
  #string(asName: boolean): string {
    if (this.#position >= this.#end) throw new HpackError('block ends before a string');
    const huffman = (this.#buffer[this.#position] as number) >= 0x80;
    const length = this.#integer(7);
    const start = this.#position;
    const end = start + length;
    if (end > this.#end) throw new HpackError('block ends inside a string');
    this.#position = end;
    if (!huffman) {
      this.#stringValid = isString(this.#buffer, start, end, asName);
      return this.#buffer.toString('latin1', start, end);
    }
    const bytes = decodeHuffman(this.#buffer, start, end, this.#scratch);
    this.#stringValid = isString(this.#scratch, 0, bytes, asName);
    return this.#scratch.toString('latin1', 0, bytes);
  }
}

function isString(buffer: Buffer, start: number, end: number, asName: boolean): boolean {
  return asName ? isName(buffer, start, end) : hasOnlyBytes(buffer, start, end, VALUE_BYTE);
}

/** A name may begin with a colon: whether that is a pseudo-header of this message is looked at later. */
function isName(buffer: Buffer, start: number, end: number): boolean {
  const from = buffer[start] === COLON ? start + 1 : start;
  return from < end && hasOnlyBytes(buffer, from, end, LOWER_NAME_BYTE);
}

function hasOnlyBytes(buffer: Buffer, start: number, end: number, allowed: Uint8Array): boolean {
  for (let index = start; index < end; index++) {
    if (allowed[buffer[index] as number] !== 1) return false;
  }
  return true;
}

/** RFC 9113 section 8.2.1: a value neither begins nor ends with a space or tab. */
function hasOuterSpace(value: string): boolean {
  if (value.length === 0) return false;
  const first = value.charCodeAt(0);
  const last = value.charCodeAt(value.length - 1);
  return first === SPACE || first === TAB || last === SPACE || last === TAB;
}
