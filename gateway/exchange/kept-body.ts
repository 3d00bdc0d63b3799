import type { BytePool } from '../http/byte-pool.ts';

/** How much of one request's body is kept so that it can be sent again. */
export const MAX_REPLAY_BYTES = 64 * 1024;

/** A request's body so far: what a second attempt sends first, or what waits for a connection. */
export class KeptBody {
  readonly #pool: BytePool;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(pool: BytePool) {
    this.#pool = pool;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get chunks(): readonly Buffer[] {
    return this.#chunks;
  }

  /** Copies `chunk[start, end)`; false when the pool has no room, then nothing was kept. */
  append(chunk: Buffer, start: number, end: number): boolean {
    const bytes = end - start;
    if (!this.#pool.take(bytes)) return false;
    this.#bytes += bytes;
    this.#chunks.push(Buffer.from(chunk.subarray(start, end)));
    return true;
  }

  release(): void {
    this.#pool.give(this.#bytes);
    this.#bytes = 0;
    this.#chunks.length = 0;
  }
}
