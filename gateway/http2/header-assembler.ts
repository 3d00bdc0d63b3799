import type { BytePool } from '../http/byte-pool.ts';
import { H2_ERROR } from '../http/stream.ts';
import { FLAG, Http2ConnectionError } from './frame.ts';

export interface HeaderLimits {
  /** CONTINUATION frames of one block. */
  readonly maxContinuations: number;
  /** Bytes of one block as they come in. */
  readonly maxBlockBytes: number;
}

const NOTHING: Buffer = Buffer.alloc(0);

/** Puts a block together from HEADERS and CONTINUATION (RFC 9113 sections 6.2 and 6.10). */
export class HeaderAssembler {
  readonly #limits: HeaderLimits;
  readonly #pool: BytePool;
  /** The stream whose block is incomplete; 0 = none. */
  streamId = 0;
  /** How many blocks have come in more than one frame so far. */
  blocks = 0;
  endStream = false;
  /** A complete block is `chunk[start, end)`. */
  chunk = NOTHING;
  start = 0;
  end = 0;
  #fragments: Buffer[] = [];
  #bytes = 0;

  /** What is kept of an incomplete block is counted in `pool`. */
  constructor(limits: HeaderLimits, pool: BytePool) {
    this.#limits = limits;
    this.#pool = pool;
  }

  /** True when the block is complete. @throws Http2ConnectionError for a frame that breaks the rules. */
  headers(streamId: number, flags: number, chunk: Buffer, start: number, end: number): boolean {
    let from = start;
    let to = end;
    if ((flags & FLAG.PADDED) !== 0) {
      if (from >= to) throw tooShort();
      to -= chunk[from++] as number;
    }
    if ((flags & FLAG.PRIORITY) !== 0) {
      if (to - from < 5) throw end - start < 5 ? tooShort() : wrongPadding();
      // Priority is ignored (RFC 9113 section 5.3.2), but its bytes must be there.
      from += 5;
    }
    if (from > to) throw wrongPadding();
    this.endStream = (flags & FLAG.END_STREAM) !== 0;
    if ((flags & FLAG.END_HEADERS) !== 0) {
      this.chunk = chunk;
      this.start = from;
      this.end = to;
      return true;
    }
    this.streamId = streamId;
    this.blocks++;
    this.#keep(chunk, from, to);
    return false;
  }

  /** As `headers`. */
  continuation(streamId: number, flags: number, chunk: Buffer, start: number, end: number): boolean {
    if (this.streamId === 0 || streamId !== this.streamId) {
      throw new Http2ConnectionError(H2_ERROR.PROTOCOL_ERROR, 'continuation-unexpected');
    }
    if (this.#fragments.length > this.#limits.maxContinuations) throw flood();
    this.#keep(chunk, start, end);
    if ((flags & FLAG.END_HEADERS) === 0) return false;
    this.chunk = Buffer.concat(this.#fragments, this.#bytes);
    this.start = 0;
    this.end = this.#bytes;
    this.forget();
    return true;
  }

  /** Drops what it has of an incomplete block. */
  forget(): void {
    this.#pool.give(this.#bytes);
    this.#fragments = [];
    this.#bytes = 0;
    this.streamId = 0;
  }

  /** The block was decoded: what was read is not kept for an idle connection. */
  release(): void {
    this.chunk = NOTHING;
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    if (this.#bytes + end - start > this.#limits.maxBlockBytes) throw flood();
    this.#bytes += end - start;
    this.#pool.charge(end - start);
    this.#fragments.push(Buffer.from(chunk.subarray(start, end)));
  }
}

function tooShort(): Http2ConnectionError {
  return new Http2ConnectionError(H2_ERROR.FRAME_SIZE_ERROR, 'frame-size');
}

function wrongPadding(): Http2ConnectionError {
  return new Http2ConnectionError(H2_ERROR.PROTOCOL_ERROR, 'padding');
}

function flood(): Http2ConnectionError {
  return new Http2ConnectionError(H2_ERROR.ENHANCE_YOUR_CALM, 'continuation-flood');
}
