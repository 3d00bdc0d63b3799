import type { BytePool } from '../http/byte-pool.ts';

/** How much of one request's body is kept so that it can be sent again. */
export const MAX_REPLAY_BYTES = 64 * 1024;

const BLOCK_BYTES = 4096;

interface Block {
  readonly buffer: Buffer;
  end: number;
}

/**
 * A request's body so far: what a second attempt sends first, or what waits for a connection. Whole blocks are
 * counted, so that many tiny pieces cannot hide their cost.
 */
export class KeptBody {
  readonly #pool: BytePool;
  readonly #blocks: Block[] = [];
  #bytes = 0;

  constructor(pool: BytePool) {
    this.#pool = pool;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get chunks(): readonly Buffer[] {
    return this.#blocks.map(({ buffer, end }) => buffer.subarray(0, end));
  }

  /** Copies `chunk[start, end)`; false when the pool has no room, then nothing was kept. */
  append(chunk: Buffer, start: number, end: number): boolean {
    const last = this.#blocks.at(-1);
    const fits = last === undefined ? 0 : Math.min(end - start, last.buffer.length - last.end);
    if (end - start > fits && !this.#addBlock(chunk, start + fits, end)) return false;
    if (last !== undefined && fits > 0) {
      chunk.copy(last.buffer, last.end, start, start + fits);
      last.end += fits;
    }
    this.#bytes += end - start;
    return true;
  }

  release(): void {
    for (const { buffer } of this.#blocks) this.#pool.give(buffer.length);
    this.#blocks.length = 0;
    this.#bytes = 0;
  }

  #addBlock(chunk: Buffer, start: number, end: number): boolean {
    const capacity = Math.max(BLOCK_BYTES, end - start);
    if (!this.#pool.take(capacity)) return false;
    const buffer = Buffer.allocUnsafeSlow(capacity);
    chunk.copy(buffer, 0, start, end);
    this.#blocks.push({ buffer, end: end - start });
    return true;
  }
}
