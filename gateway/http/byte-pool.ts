/**
 * The bytes that one worker may hold for slow readers, in all connections together: held stream data, replay
 * bodies, unsent socket data. Past it new work is shed instead of the process dying.
 */
export class BytePool {
  readonly capacityBytes: number;
  #usedBytes = 0;

  constructor(capacityBytes: number) {
    this.capacityBytes = capacityBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get exhausted(): boolean {
    return this.#usedBytes >= this.capacityBytes;
  }

  /** False, and nothing taken, when the pool does not have them. */
  take(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.capacityBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  /** Counts what is held already and could not be refused, e.g. bytes that a socket did not take. */
  charge(bytes: number): void {
    this.#usedBytes += bytes;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}
