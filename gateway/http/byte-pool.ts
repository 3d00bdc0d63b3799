const SMALL_BLOCK_BYTES = 4 * 1024;
/** As long as the longest DATA frame that we send. */
const LARGE_BLOCK_BYTES = 16 * 1024;
/** Of each kind: 5 MiB in all. */
const MAX_FREE_BLOCKS = 256;

const SCARCE = 0.5;
const CROWDED = 0.7;
const CROWDED_FLUSH_MS = 2_000;
const LEAST_FLUSH_MS = 500;

/**
 * The bytes that one worker may hold for slow readers, in all connections together: held stream data, replay
 * bodies, unsent socket data. Past it new work is shed instead of the process dying.
 */
export class BytePool {
  readonly capacityBytes: number;
  #usedBytes = 0;
  readonly #freeSmall: Buffer[] = [];
  readonly #freeLarge: Buffer[] = [];

  constructor(capacityBytes: number) {
    this.capacityBytes = capacityBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get exhausted(): boolean {
    return this.#usedBytes >= this.capacityBytes;
  }

  /** Half of it is held: nobody gets more than a share, and who has a backlog waits for it to leave. */
  get scarce(): boolean {
    return this.#usedBytes > SCARCE * this.capacityBytes;
  }

  /** Nearly exhausted: whoever holds bytes and makes no progress has to go. */
  get crowded(): boolean {
    return this.#usedBytes >= CROWDED * this.capacityBytes;
  }

  /**
   * For a reader that stands still, who has `flushTimeoutMs` (0 = for ever) as long as the pool is not crowded. Then it
   * is 2 s at first, and the less the less memory is left.
   */
  patienceMs(flushTimeoutMs: number): number {
    if (!this.crowded) return flushTimeoutMs;
    const left = Math.max(0, 1 - this.#usedBytes / this.capacityBytes) / (1 - CROWDED);
    const patienceMs = Math.max(LEAST_FLUSH_MS, CROWDED_FLUSH_MS * left);
    return Math.min(patienceMs, flushTimeoutMs || patienceMs);
  }

  /**
   * Whether one holder's bytes are more than its share. While half of the pool is free each may have what it wants; then
   * an eighth, so that no one alone takes what all others need.
   */
  exceedsShare(bytes: number): boolean {
    return this.scarce && bytes > this.capacityBytes / 8;
  }

  /** False, and nothing taken, when the pool does not have them. */
  take(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.capacityBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  /**
   * Memory for at least one of `bytes`: a large block when that fills a good part of it. undefined when the pool does
   * not have it. Blocks are used again, or bulk that waits would keep the garbage collector busy.
   */
  takeBlock(bytes: number): Buffer | undefined {
    const blockBytes = bytes >= SMALL_BLOCK_BYTES ? LARGE_BLOCK_BYTES : SMALL_BLOCK_BYTES;
    if (!this.take(blockBytes)) return undefined;
    const free = blockBytes === LARGE_BLOCK_BYTES ? this.#freeLarge : this.#freeSmall;
    return free.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
  }

  giveBlock(block: Buffer): void {
    this.give(block.length);
    const free = block.length === LARGE_BLOCK_BYTES ? this.#freeLarge : this.#freeSmall;
    if (free.length < MAX_FREE_BLOCKS) free.push(block);
  }

  /** Counts what is held already and could not be refused, e.g. bytes that a socket did not take. */
  charge(bytes: number): void {
    this.#usedBytes += bytes;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}
