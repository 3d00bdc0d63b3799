import type { BytePool } from './byte-pool.ts';

interface Block {
  readonly buffer: Buffer;
  start: number;
  end: number;
}

/**
 * Body bytes of one message that wait: for the peer's window, for the socket, for a connection, or for being sent once
 * more. Copied out of the input, in order, out of the worker's byte pool (whole blocks are counted, so that many tiny
 * pieces cannot hide their cost).
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

  /** All that is held, in order. Good until the next call. */
  get chunks(): readonly Buffer[] {
    return this.#blocks.map(({ buffer, start, end }) => buffer.subarray(start, end));
  }

  /** False, and nothing of the piece kept, when the worker's pool is exhausted: the stream must be given up. */
  add(chunk: Buffer, start: number, end: number): boolean {
    const last = this.#blocks.at(-1);
    const fits = last === undefined ? 0 : Math.min(end - start, last.buffer.length - last.end);
    if (!this.#addBlocks(chunk, start + fits, end)) return false;
    if (last !== undefined && fits > 0) {
      chunk.copy(last.buffer, last.end, start, start + fits);
      last.end += fits;
    }
    this.#bytes += end - start;
    return true;
  }

  #addBlocks(chunk: Buffer, start: number, end: number): boolean {
    const before = this.#blocks.length;
    for (let at = start; at < end; ) {
      const buffer = this.#pool.takeBlock(end - at);
      if (buffer === undefined) {
        for (const block of this.#blocks.splice(before)) this.#pool.giveBlock(block.buffer);
        return false;
      }
      const bytes = Math.min(buffer.length, end - at);
      chunk.copy(buffer, 0, at, at + bytes);
      this.#blocks.push({ buffer, start: 0, end: bytes });
      at += bytes;
    }
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
    this.#pool.giveBlock(block.buffer);
  }

  clear(): void {
    for (const block of this.#blocks) this.#pool.giveBlock(block.buffer);
    this.#blocks.length = 0;
    this.#bytes = 0;
  }
}
