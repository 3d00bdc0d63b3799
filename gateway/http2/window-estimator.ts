export interface WindowLimits {
  /** What a stream, and the connection, begin with. */
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly maxStreamWindowBytes: number;
  readonly maxConnectionWindowBytes: number;
}

/** Of a window that must arrive within a round trip for the window to be what holds the sender up. */
const FULL = 2 / 3;
const LEAST_REST_MS = 250;
const MOST_REST_MS = 10_000;

/**
 * How large the windows of a connection should be: the bytes that come in between a PING and its answer are what the
 * path holds, its product of bandwidth and delay, as far as the window let it; a sample that nearly fills the window asks
 * for a larger one. The rules are those of gRPC's cores (bdp_estimator): a window grows only while the bandwidth does, or
 * it would fill the buffers on the way. A sender that waits for its window sends in bursts, and a PING in the middle of
 * one sees half of it: so one that finds too little is followed by another, with the first byte after its answer, which is
 * where the next burst begins. Nothing is measured while there is little to measure.
 */
export class WindowEstimator {
  readonly #limits: WindowLimits;
  streamWindowBytes: number;
  connectionWindowBytes: number;
  #sampleBytes = 0;
  #sampling = false;
  #sampleSinceMs = 0;
  /** The next byte that comes in is the first of a burst. */
  #atBurst = false;
  #bestBytesPerMs = 0;
  #restMs = LEAST_REST_MS;
  #restUntilMs = 0;

  constructor(limits: WindowLimits) {
    this.#limits = limits;
    this.streamWindowBytes = limits.streamWindowBytes;
    this.connectionWindowBytes = limits.connectionWindowBytes;
  }

  /** Whether a PING of ours waits for its answer. */
  get sampling(): boolean {
    return this.#sampling;
  }

  /** Counts what came in; `nowMs` may be coarse. True when it is time for a PING: then `pinged` must follow. */
  received(bytes: number, nowMs: number): boolean {
    this.#sampleBytes += bytes;
    if (this.#sampling) return false;
    if (!this.#atBurst && this.#sampleBytes < this.streamWindowBytes / 2) return false;
    if (nowMs < this.#restUntilMs || !this.#mayGrow()) return false;
    this.#sampleBytes = bytes;
    return true;
  }

  /** A PING goes out: what comes in until its answer is the sample, with what came in last. */
  pinged(nowMs: number): void {
    this.#sampling = true;
    this.#sampleSinceMs = nowMs;
  }

  /**
   * Its answer came in. `roomBytes` is what one stream's window may be at most for the memory that is left. True when the
   * windows have changed.
   */
  answered(nowMs: number, roomBytes: number): boolean {
    const bytes = this.#sampleBytes;
    const bytesPerMs = bytes / Math.max(nowMs - this.#sampleSinceMs, 0.01);
    this.#sampling = false;
    this.#sampleBytes = 0;
    const grew = bytesPerMs > this.#bestBytesPerMs && this.#grow(bytes, roomBytes);
    // A larger window shows in what comes in only a round trip later.
    this.#atBurst = !grew && !this.#atBurst;
    if (grew) {
      this.#bestBytesPerMs = bytesPerMs;
      this.#restMs = LEAST_REST_MS;
    } else if (!this.#atBurst) {
      this.#restUntilMs = nowMs + this.#restMs;
      this.#restMs = Math.min(2 * this.#restMs, MOST_REST_MS);
    }
    return grew;
  }

  /** Memory is short: back to the beginning. True when that changes anything. */
  shrink(nowMs: number): boolean {
    this.#restUntilMs = nowMs + MOST_REST_MS;
    this.#atBurst = false;
    if (this.streamWindowBytes <= this.#limits.streamWindowBytes) return false;
    this.streamWindowBytes = this.#limits.streamWindowBytes;
    this.#bestBytesPerMs = 0;
    return true;
  }

  #mayGrow(): boolean {
    const { maxStreamWindowBytes, maxConnectionWindowBytes } = this.#limits;
    return (
      this.streamWindowBytes < maxStreamWindowBytes || this.connectionWindowBytes < maxConnectionWindowBytes
    );
  }

  #grow(bytes: number, roomBytes: number): boolean {
    const { maxStreamWindowBytes, maxConnectionWindowBytes } = this.#limits;
    const stream = grown(this.streamWindowBytes, bytes, Math.min(maxStreamWindowBytes, roomBytes));
    const connection = grown(this.connectionWindowBytes, bytes, maxConnectionWindowBytes);
    const grew = stream > this.streamWindowBytes || connection > this.connectionWindowBytes;
    this.streamWindowBytes = stream;
    this.connectionWindowBytes = connection;
    return grew;
  }
}

/** Never smaller than it is. */
function grown(windowBytes: number, sampleBytes: number, mostBytes: number): number {
  if (sampleBytes < FULL * windowBytes) return windowBytes;
  return Math.max(windowBytes, Math.min(2 * Math.max(sampleBytes, windowBytes), mostBytes));
}
