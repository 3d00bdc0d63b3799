import type { BytePool } from '../http/byte-pool.ts';
import { HeadError } from './head-fields.ts';

const CR = 0x0d;
const LF = 0x0a;
const END_OF_HEAD = Buffer.from('\r\n\r\n', 'latin1');
const NOTHING = Buffer.alloc(0);

/**
 * Finds the end of a head; keeps what came in of it only when it lies across several reads. What is kept grows by
 * doubling: a head that comes byte by byte costs no more copying than one in halves.
 */
export class HeadBuffer {
  readonly #maxBytes: number;
  readonly #pool: BytePool;
  /** Holds what is kept, from its beginning. */
  #store: Buffer = NOTHING;
  #keptBytes = 0;
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
    return this.#keptBytes > 0;
  }

  /**
   * True when `chunk` from `at` on completes the head. What follows it is `buffer` from `next` on.
   * @throws HeadError when it is too long, or has a bare LF and so would never end.
   */
  complete(chunk: Buffer, at: number): boolean {
    const kept = this.#keptBytes;
    const searchFrom = kept === 0 ? at : Math.max(0, kept - 3);
    const start = kept === 0 ? at : 0;
    const buffer = kept === 0 ? chunk : this.#add(chunk, at);
    const end = endOfHead(buffer, searchFrom);
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
    if (kept === 0) this.#add(chunk, at);
    return false;
  }

  /** Drops what it has of an incomplete head. */
  forget(): void {
    this.#pool.give(this.#store.length);
    this.#store = NOTHING;
    this.#keptBytes = 0;
  }

  /** All that is kept now. */
  #add(chunk: Buffer, at: number): Buffer {
    const before = this.#keptBytes;
    const bytes = before + chunk.length - at;
    if (bytes > this.#store.length) this.#grow(Math.max(bytes, 2 * this.#store.length));
    chunk.copy(this.#store, before, at);
    this.#keptBytes = bytes;
    return this.#store.subarray(0, bytes);
  }

  #grow(bytes: number): void {
    const store = Buffer.allocUnsafeSlow(bytes);
    this.#store.copy(store, 0, 0, this.#keptBytes);
    this.#pool.charge(bytes - this.#store.length);
    this.#store = store;
  }

  /** The head was used: let its memory go. */
  release(): void {
    this.buffer = NOTHING;
  }
}

/** Most heads are shorter, and looking through them here costs less than a call out of compiled code. */
const SCANNED_BYTES = 512;

/** Where the first `END_OF_HEAD` at or after `from` begins, or -1. Looks at each fourth byte where no line ends. */
function endOfHead(buffer: Buffer, from: number): number {
  const limit = Math.min(buffer.length, from + SCANNED_BYTES);
  let at = from + 3;
  while (at < limit) {
    const byte = buffer[at];
    if (byte === LF) {
      if (buffer[at - 1] === CR && buffer[at - 2] === LF && buffer[at - 3] === CR) return at - 3;
      at += 2;
    } else at += byte === CR ? 1 : 4;
  }
  return limit === buffer.length ? -1 : buffer.indexOf(END_OF_HEAD, limit - 3);
}

function hasBareLf(buffer: Buffer, from: number): boolean {
  for (let at = buffer.indexOf(LF, from); at >= 0; at = buffer.indexOf(LF, at + 1)) {
    if (at === 0 || buffer[at - 1] !== CR) return true;
  }
  return false;
}
