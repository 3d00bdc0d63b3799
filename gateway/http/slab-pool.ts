/** Memory that output is written into: a connection cuts its messages from it, one after the other. */
export interface Slab {
  readonly buffer: Buffer;
  /** Bytes before this belong to writes that a socket may still be sending. */
  used: number;
}

/**
 * Slabs that no connection is filling at the moment, the last used first (its memory is in the processor's
 * cache). An idle connection so holds no output memory at all.
 */
export class SlabPool {
  readonly slabBytes: number;
  /** A slab with less left is not worth keeping. */
  readonly #leastLeftBytes: number;
  readonly #free: Slab[] = [];

  constructor(slabBytes: number, leastLeftBytes: number) {
    this.slabBytes = slabBytes;
    this.#leastLeftBytes = leastLeftBytes;
  }

  /** A slab with at least `bytes` left. */
  take(bytes: number): Slab {
    const slab = this.#free.pop();
    if (slab !== undefined && slab.buffer.length - slab.used >= bytes) return slab;
    return { buffer: Buffer.allocUnsafeSlow(Math.max(this.slabBytes, bytes)), used: 0 };
  }

  give(slab: Slab): void {
    const left = slab.buffer.length - slab.used;
    if (left >= this.#leastLeftBytes && slab.buffer.length === this.slabBytes && this.#free.length < 256) {
      this.#free.push(slab);
    }
  }
}
