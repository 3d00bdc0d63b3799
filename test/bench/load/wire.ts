/** How much may wait to be put on the wire, told as the time that it takes. */
const QUEUE_MS = 20;

/** One direction of a link: bytes leave it one after the other at its rate, and arrive one delay later. */
export class Wire {
  oneWayMs = 0;
  readonly #bytesPerMs: number;
  #freeAtMs = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
  }

  /** Puts bytes on the wire; when their last one arrives. */
  arrivalMs(nowMs: number, bytes: number): number {
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + bytes / this.#bytesPerMs;
    return this.#freeAtMs + this.oneWayMs;
  }

  isFull(nowMs: number): boolean {
    return this.#freeAtMs - nowMs > QUEUE_MS;
  }
}
