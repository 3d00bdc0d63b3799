import type { BytePool } from './byte-pool.ts';

const BLOCK_BYTES = 4096;

interface Block {
  readonly buffer: Buffer;
  start: number;
  end: number;
}

/**
 * Body bytes of one stream that wait for the peer's window or the socket: copied out of the input, in order, out
 * of the worker's byte pool (whole blocks are counted, so that many tiny pieces cannot hide their cost).
 */
export class HeldData {
  readonly #pool: BytePool;
  readonly #blocks: Block[] = [];
  #bytes = 0;

  constructor(pool: BytePool) {
    this.#pool = pool;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** False, and nothing kept, when the worker's pool is exhausted: the stream must be given up. */
  add(chunk: Buffer, start: number, end: number): boolean {
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

  #addBlock(chunk: Buffer, start: number, end: number): boolean {
    const capacity = Math.max(BLOCK_BYTES, end - start);
    if (!this.#pool.take(capacity)) return false;
    const buffer = Buffer.allocUnsafeSlow(capacity);
    chunk.copy(buffer, 0, start, end);
    this.#blocks.push({ buffer, start: 0, end: end - start });
    return true;
  }

  /** The first bytes that wait, as one piece; call `shift` for what was used of them. */
  get first(): Block | undefined {
    return this.#blocks[0];
  }

  /** Drops the first `bytes`, at most those of `first`. */
  shift(bytes: number): void {
    const block = this.#blocks[0];
    if (block === undefined) return;
    block.start += bytes;
    this.#bytes -= bytes;
    if (block.start < block.end) return;
    this.#blocks.shift();
    this.#pool.give(block.buffer.length);
  }

  clear(): void {
    for (const block of this.#blocks) this.#pool.give(block.buffer.length);
    this.#blocks.length = 0;
    this.#bytes = 0;
  }
}
