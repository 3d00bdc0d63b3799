import type { BytePool } from '../http/byte-pool.ts';
import { HeadError } from './head-fields.ts';

const CR = 0x0d;
const LF = 0x0a;
const END_OF_HEAD = Buffer.from('\r\n\r\n', 'latin1');
const NOTHING = Buffer.alloc(0);

/** Finds the end of a head; keeps what came in of it only when it lies across several reads. */
export class HeadBuffer {
  readonly #maxBytes: number;
  readonly #pool: BytePool;
  #kept: Buffer = NOTHING;
  /** A complete head is `buffer[start, end)`, its last line break included; what follows begins at `next`. */
  buffer: Buffer = NOTHING;
  start = 0;
  end = 0;
  next = 0;

  /** What is kept of an incomplete head is counted in `pool`. */
  constructor(maxBytes: number, pool: BytePool) {
    this.#maxBytes = maxBytes;
    this.#pool = pool;
  }

  /** Something of a head has come in, but not all. */
  get partial(): boolean {
    return this.#kept.length > 0;
  }

  /**
   * True when `chunk` from `at` on completes the head. What follows it is `buffer` from `next` on.
   * @throws HeadError when it is too long, or has a bare LF and so would never end.
   */
  complete(chunk: Buffer, at: number): boolean {
    let buffer = chunk;
    let start = at;
    let searchFrom = at;
    if (this.#kept.length > 0) {
      searchFrom = Math.max(0, this.#kept.length - 3);
      buffer = Buffer.concat([this.#kept, chunk.subarray(at)]);
      start = 0;
    }
    const end = buffer.indexOf(END_OF_HEAD, searchFrom);
    if (end >= 0 && end - start <= this.#maxBytes) {
      this.forget();
      this.buffer = buffer;
      this.start = start;
      this.end = end + 2;
      this.next = end + 4;
      return true;
    }
    if (end >= 0 || buffer.length - start > this.#maxBytes) throw new HeadError('headers-too-large', 431);
    if (hasBareLf(buffer, searchFrom)) throw new HeadError('bare-lf');
    this.#pool.charge(buffer.length - start - this.#kept.length);
    this.#kept = buffer === chunk ? Buffer.from(chunk.subarray(at)) : buffer;
    return false;
  }

  /** Drops what it has of an incomplete head. */
  forget(): void {
    this.#pool.give(this.#kept.length);
    this.#kept = NOTHING;
  }

  /** The head was used: let its memory go. */
  release(): void {
    this.buffer = NOTHING;
  }
}

function hasBareLf(buffer: Buffer, from: number): boolean {
  for (let at = buffer.indexOf(LF, from); at >= 0; at = buffer.indexOf(LF, at + 1)) {
    if (at === 0 || buffer[at - 1] !== CR) return true;
  }
  return false;
}
