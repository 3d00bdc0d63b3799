/** Durations counted in a histogram's buckets, not cumulated. */
export class DurationCells {
  /** One per bound and a last one for what is longer. */
  readonly buckets: Float64Array;
  sumSeconds = 0;
  count = 0;
  readonly #boundsSeconds: readonly number[];

  constructor(boundsSeconds: readonly number[]) {
    this.#boundsSeconds = boundsSeconds;
    this.buckets = new Float64Array(boundsSeconds.length + 1);
  }

  observe(seconds: number): void {
    const bounds = this.#boundsSeconds;
    let bucket = 0;
    while (bucket < bounds.length && seconds > (bounds[bucket] ?? 0)) bucket++;
    this.buckets[bucket] = (this.buckets[bucket] ?? 0) + 1;
    this.sumSeconds += seconds;
    this.count++;
  }
}
