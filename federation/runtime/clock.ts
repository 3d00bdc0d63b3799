/** Where time comes from. Deciding code takes `nowMs` as an argument; only loops hold a clock. */
export interface Clock {
  /** Unix time in ms. */
  now(): number;
  /** Monotonic ms, for durations. */
  monotonic(): number;
  /** Calls back once after `delayMs`; the returned function cancels. Does not keep the process alive. */
  after(delayMs: number, callback: () => void): () => void;
}

export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/**
 * Calls back again and again, each time `intervalMs` after the call before has returned, first after one interval. The
 * returned function ends it, also from within a call.
 */
export function every(clock: Clock, intervalMs: number, callback: () => void): () => void {
  let ended = false;
  const again = (): void => {
    callback();
    if (!ended) cancel = clock.after(intervalMs, again);
  };
  let cancel = clock.after(intervalMs, again);
  return () => {
    ended = true;
    cancel();
  };
}

/** A clock that tests move by hand; callbacks run in order of their time. */
export class ManualClock implements Clock {
  #nowMs: number;
  readonly #startMs: number;
  readonly #timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs;
    this.#startMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs - this.#startMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  advance(durationMs: number): void {
    const endMs = this.#nowMs + durationMs;
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#timers.delete(next);
      this.#nowMs = next.atMs;
      next.callback();
    }
    this.#nowMs = endMs;
  }

  #next(endMs: number): { readonly atMs: number; readonly callback: () => void } | undefined {
    let next: { readonly atMs: number; readonly callback: () => void } | undefined;
    for (const timer of this.#timers) {
      if (timer.atMs <= endMs && (next === undefined || timer.atMs < next.atMs)) next = timer;
    }
    return next;
  }
}
