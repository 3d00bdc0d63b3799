import { percentile, rounded } from '../statistics.ts';

/** One request at a time; tells the pacer when it is answered. */
export interface Lane {
  send(): void;
}

export interface Pace {
  /** Requests per second in an open loop; 0 = a closed loop, each lane sends again when it is answered. */
  readonly rate: number;
  readonly warmMs: number;
  readonly seconds: number;
}

export interface PacedResult {
  /** In the measured time, and how many a second that is. */
  readonly requests: number;
  readonly rps: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * Decides when requests are sent and remembers how long they took. In an open loop each has a time at which it is
 * meant to be sent, on a grid of one millisecond, and its latency counts from then: whether it waited for a free lane,
 * for the generator or for the gateway makes no difference, so that no pause of a gateway is left out
 * (no coordinated omission).
 */
export class Pacer {
  readonly #pace: Pace;
  readonly #free: Lane[] = [];
  readonly #startedAt = new Map<Lane, number>();
  readonly #waiting: number[] = [];
  readonly #latencies: number[] = [];
  #waitingHead = 0;
  #issued = 0;
  #errors = 0;
  #fromMs = 0;
  #toMs = Number.POSITIVE_INFINITY;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  /** @param nowMs the clock that all later times are of */
  begin(lanes: readonly Lane[], nowMs: number): void {
    this.#fromMs = nowMs + this.#pace.warmMs;
    this.#toMs = this.#fromMs + this.#pace.seconds * 1000;
    if (this.#pace.rate > 0) {
      this.#free.push(...lanes);
      return;
    }
    for (const lane of lanes) this.#send(lane, nowMs);
  }

  /** Sends what is due by now. */
  tick(nowMs: number): void {
    const { rate, warmMs } = this.#pace;
    if (rate === 0) return;
    const beganMs = this.#fromMs - warmMs;
    const gridMs = Math.floor(Math.min(nowMs, this.#toMs) - beganMs);
    const due = Math.floor((gridMs * rate) / 1000);
    for (; this.#issued < due; this.#issued++) {
      const intendedMs = beganMs + Math.ceil(((this.#issued + 1) * 1000) / rate);
      const lane = this.#free.pop();
      if (lane === undefined) this.#waiting.push(intendedMs);
      else this.#send(lane, intendedMs);
    }
  }

  done(lane: Lane, ok: boolean, nowMs: number): void {
    const startedMs = this.#startedAt.get(lane);
    if (startedMs === undefined) return;
    this.#startedAt.delete(lane);
    if (!ok) this.#errors++;
    const counted = this.#pace.rate > 0 ? startedMs : nowMs;
    if (ok && counted >= this.#fromMs && counted < this.#toMs) this.#latencies.push(nowMs - startedMs);
    this.#next(lane, nowMs);
  }

  /** Everything that was to be sent has been answered. */
  finished(nowMs: number): boolean {
    return nowMs >= this.#toMs && this.#startedAt.size === 0;
  }

  get measuredFromMs(): number {
    return this.#fromMs;
  }

  get measuredToMs(): number {
    return this.#toMs;
  }

  /** What is still on its way counts as failed. */
  result(): PacedResult {
    const sorted = Float64Array.from(this.#latencies).sort();
    return {
      requests: sorted.length,
      rps: rounded(sorted.length / this.#pace.seconds),
      errors: this.#errors + this.#startedAt.size + this.#waiting.length - this.#waitingHead,
      p50Ms: rounded(percentile(sorted, 0.5)),
      p99Ms: rounded(percentile(sorted, 0.99)),
    };
  }

  #next(lane: Lane, nowMs: number): void {
    if (this.#pace.rate === 0) {
      if (nowMs < this.#toMs) this.#send(lane, nowMs);
      return;
    }
    const intendedMs = this.#waiting[this.#waitingHead];
    if (intendedMs === undefined) {
      this.#free.push(lane);
      return;
    }
    this.#waitingHead++;
    this.#send(lane, intendedMs);
  }

  #send(lane: Lane, startedMs: number): void {
    this.#startedAt.set(lane, startedMs);
    lane.send();
  }
}
