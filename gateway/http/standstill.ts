/**
 * Notices that this process did not run for a while: stopped, starved, or its machine paused. What others did not get
 * done with us in that time says nothing of them. Times are ms by any one clock.
 */
export class Standstill {
  readonly #limitMs: number;
  #lookedAtMs: number;

  /** @param limitMs the longest time between two looks of a process that runs; @param nowMs of the first look, if it was */
  constructor(limitMs: number, nowMs = Number.POSITIVE_INFINITY) {
    this.#limitMs = limitMs;
    this.#lookedAtMs = nowMs;
  }

  /** To be asked again and again. True when the process stood still since the last time. */
  look(nowMs: number): boolean {
    const stoodStill = nowMs - this.#lookedAtMs > this.#limitMs;
    this.#lookedAtMs = nowMs;
    return stoodStill;
  }
}
