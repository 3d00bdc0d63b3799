import type { HeaderBlock } from '../http/stream.ts';
import { ChunkLineReader } from './chunk-line.ts';
import {
  type BodyFraming,
  dropNominated,
  HeadBytes,
  HeadError,
  type HeadRules,
  newHeadFacts,
  parseFields,
} from './head-fields.ts';

/** Where a body goes. `end` comes once, after the last piece, or with it. */
export interface BodySink {
  bodyData(chunk: Buffer, start: number, end: number, endOfBody: boolean): void;
  bodyTrailers(block: HeaderBlock): void;
}

const MAX_TRAILER_BYTES = 16 * 1024;
const CR = 0x0d;
const LF = 0x0a;
const NOTHING = Buffer.alloc(0);

type Phase = 'done' | 'length' | 'chunk-line' | 'chunk-data' | 'chunk-end' | 'trailers' | 'until-close';

/** What a head said of the body that follows it. */
export interface BodyForm {
  readonly framing: BodyFraming;
  readonly contentLength: number;
  /** Trailers of these names end here. */
  readonly connectionOptions: readonly string[] | undefined;
}

/** Takes a body out of what comes in, by its framing (RFC 9112 sections 6 and 7). */
export class BodyReader {
  readonly #sink: BodySink;
  readonly #rules: HeadRules;
  readonly #line = new ChunkLineReader();
  #phase: Phase = 'done';
  #leftBytes = 0;
  /** The trailer section as far as it came in. */
  #trailers: Buffer = NOTHING;
  #nominated: readonly string[] | undefined;

  constructor(sink: BodySink, rules: HeadRules) {
    this.#sink = sink;
    this.#rules = rules;
  }

  get done(): boolean {
    return this.#phase === 'done';
  }

  /** A body without framing ends with its connection. */
  get untilClose(): boolean {
    return this.#phase === 'until-close';
  }

  begin({ framing, contentLength, connectionOptions }: BodyForm): void {
    this.#nominated = connectionOptions;
    this.#leftBytes = contentLength;
    if (framing === 'none') this.#phase = 'done';
    else if (framing === 'length') this.#phase = 'length';
    else if (framing === 'chunked') this.#phase = 'chunk-line';
    else this.#phase = 'until-close';
  }

  /** Takes what belongs to the body; returns where it ended. @throws HeadError for broken chunks or trailers. */
  read(chunk: Buffer, start: number): number {
    let at = start;
    while (at < chunk.length && this.#phase !== 'done') {
      switch (this.#phase) {
        case 'length':
        case 'chunk-data':
          at = this.#data(chunk, at);
          break;
        case 'until-close':
          this.#sink.bodyData(chunk, at, chunk.length, false);
          return chunk.length;
        case 'chunk-line':
          at = this.#chunkLine(chunk, at);
          break;
        case 'chunk-end':
          at = this.#chunkEnd(chunk, at);
          break;
        case 'trailers':
          at = this.#trailerSection(chunk, at);
          break;
      }
    }
    return at;
  }

  #data(chunk: Buffer, at: number): number {
    const bytes = Math.min(this.#leftBytes, chunk.length - at);
    const isLength = this.#phase === 'length';
    this.#leftBytes -= bytes;
    const last = isLength && this.#leftBytes === 0;
    if (this.#leftBytes === 0) {
      this.#phase = isLength ? 'done' : 'chunk-end';
      // The two bytes of the line break.
      this.#leftBytes = 2;
    }
    this.#sink.bodyData(chunk, at, at + bytes, last);
    return at + bytes;
  }

  #chunkLine(chunk: Buffer, at: number): number {
    const next = this.#line.read(chunk, at);
    const size = this.#line.size;
    if (size < 0) return next;
    this.#leftBytes = size;
    this.#phase = size === 0 ? 'trailers' : 'chunk-data';
    return next;
  }

  #chunkEnd(chunk: Buffer, at: number): number {
    const expected = this.#leftBytes === 2 ? CR : LF;
    if (chunk[at] !== expected) throw new HeadError('chunk-end');
    this.#leftBytes--;
    if (this.#leftBytes === 0) this.#phase = 'chunk-line';
    return at + 1;
  }

  #trailerSection(chunk: Buffer, at: number): number {
    const kept = this.#trailers.length;
    const buffer = kept === 0 ? chunk : Buffer.concat([this.#trailers, chunk.subarray(at)]);
    const start = kept === 0 ? at : 0;
    const end = endOfTrailers(buffer, start);
    if (end < 0) {
      if (buffer.length - start > MAX_TRAILER_BYTES) throw new HeadError('trailers-too-large', 431);
      this.#trailers = kept === 0 ? Buffer.from(chunk.subarray(at)) : buffer;
      return chunk.length;
    }
    if (end - start > MAX_TRAILER_BYTES) throw new HeadError('trailers-too-large', 431);
    this.#trailers = NOTHING;
    this.#phase = 'done';
    if (end === start) this.#sink.bodyData(NOTHING, 0, 0, true);
    else this.#sink.bodyTrailers(this.#parseTrailers(buffer, start, end));
    return at + (end + 2 - start - kept);
  }

  /** Fields of connection and framing they must not have (RFC 9110 section 6.5.1). */
  #parseTrailers(buffer: Buffer, start: number, end: number): HeaderBlock {
    const block: HeaderBlock = [];
    const facts = newHeadFacts();
    parseFields(new HeadBytes(buffer, start, end), start, this.#rules, block, facts);
    const { host, contentLength, transferEncoding } = facts;
    if (host !== undefined || contentLength >= 0 || transferEncoding !== undefined) {
      throw new HeadError('trailers-invalid');
    }
    if (this.#nominated !== undefined) dropNominated(block, this.#nominated);
    return block;
  }
}

/** Where the empty line begins that ends the section, or -1. */
function endOfTrailers(buffer: Buffer, start: number): number {
  if (buffer.length - start >= 2 && buffer[start] === CR && buffer[start + 1] === LF) return start;
  const end = buffer.indexOf('\r\n\r\n', start, 'latin1');
  return end < 0 ? -1 : end + 2;
}
