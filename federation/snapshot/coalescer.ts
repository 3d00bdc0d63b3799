import type { Clock } from '../runtime/clock.ts';

/** Joins many requests into few runs: the first runs at once, later ones at most every `intervalMs`. */
export class Coalescer {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #run: () => void;
  #cancel: (() => void) | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, intervalMs: number, run: () => void) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#run = run;
  }

  request(): void {
    if (this.#cancel !== undefined) return;
    const delayMs = Math.max(0, this.#lastMs + this.#intervalMs - this.#clock.monotonic());
    this.#cancel = this.#clock.after(delayMs, () => {
      this.#cancel = undefined;
      this.#lastMs = this.#clock.monotonic();
      this.#run();
    });
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
