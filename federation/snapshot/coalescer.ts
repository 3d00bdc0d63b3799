import type { Clock } from '../runtime/clock.ts';

/** When many requests come: after a run that joined so many the next one waits longer, for what a run costs is shared then. */
export interface BusyTimes {
  readonly from: number;
  readonly intervalMs: number;
}

/** Joins many requests into few runs: the first runs at once, later ones at most every `intervalMs`. */
export class Coalescer {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #run: () => void;
  readonly #busy: BusyTimes | undefined;
  #cancel: (() => void) | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;
  /** Since the last run. */
  #requests = 0;
  /** Of the last run. */
  #joined = 0;

  constructor(clock: Clock, intervalMs: number, run: () => void, busy?: BusyTimes) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#run = run;
    this.#busy = busy;
  }

  request(): void {
    this.#requests++;
    if (this.#cancel !== undefined) return;
    const delayMs = Math.max(0, this.#lastMs + this.#pauseMs() - this.#clock.monotonic());
    this.#cancel = this.#clock.after(delayMs, () => {
      this.#cancel = undefined;
      this.#lastMs = this.#clock.monotonic();
      this.#joined = this.#requests;
      this.#requests = 0;
      this.#run();
    });
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #pauseMs(): number {
    return this.#busy !== undefined && this.#joined >= this.#busy.from
      ? this.#busy.intervalMs
      : this.#intervalMs;
  }
}
