import type { SlowStart } from '../../../federation/model/traffic-policy.ts';
import type { LocalDestination } from '../destination.ts';
import { warmth } from './slow-start.ts';

/** After so many endpoints that are too cold the next one is taken: then nearly all are, and as cold as each other. */
const MAX_SAMPLES = 16;

/** A list of endpoints as the ways that go by weights see it. A weight is relative to the list's mean. */
export class WeightedEndpoints {
  readonly #endpoints: readonly LocalDestination[];
  readonly #slowStart: SlowStart | undefined;
  readonly #weights: Float64Array;
  /** Sums of weights up to and with each; undefined while all are alike. */
  readonly #sums: Float64Array | undefined;
  /** From then on none is in its slow start any more. */
  readonly #warmAtMs: number;

  constructor(endpoints: readonly LocalDestination[], slowStart: SlowStart | undefined) {
    if (endpoints.length === 0) throw new RangeError('no endpoint to choose from');
    this.#endpoints = endpoints;
    this.#slowStart = slowStart;
    const total = endpoints.reduce((sum, { endpoint }) => sum + endpoint.weight, 0);
    const mean = total / endpoints.length;
    this.#weights = Float64Array.from(endpoints, ({ endpoint }) => endpoint.weight / mean);
    const alike = endpoints.every(({ endpoint }) => endpoint.weight === endpoints[0]?.endpoint.weight);
    this.#sums = alike ? undefined : runningSums(this.#weights);
    this.#warmAtMs =
      slowStart === undefined ? Number.NEGATIVE_INFINITY : newest(endpoints) + slowStart.windowMs;
  }

  get count(): number {
    return this.#endpoints.length;
  }

  at(index: number): LocalDestination {
    return this.#endpoints[index] as LocalDestination;
  }

  /** Whether all weigh the same now. */
  even(nowMs: number): boolean {
    return this.#sums === undefined && nowMs >= this.#warmAtMs;
  }

  /** As it is now: above 0. */
  weightOf(index: number, nowMs: number): number {
    const weight = this.#weights[index] as number;
    if (nowMs >= this.#warmAtMs) return weight;
    return weight * warmth(this.#slowStart, this.at(index).endpoint.runtime.fitSinceMs, nowMs);
  }

  /** One at random, each as often as it weighs now. */
  sample(random: () => number, nowMs: number): number {
    let index = this.#sampleByWeight(random);
    if (nowMs >= this.#warmAtMs) return index;
    for (let samples = 1; samples < MAX_SAMPLES; samples++) {
      if (random() < warmth(this.#slowStart, this.at(index).endpoint.runtime.fitSinceMs, nowMs)) break;
      index = this.#sampleByWeight(random);
    }
    return index;
  }

  #sampleByWeight(random: () => number): number {
    const sums = this.#sums;
    const { count } = this;
    if (sums === undefined) return Math.floor(random() * count);
    const point = random() * (sums[count - 1] as number);
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sums[middle] as number) > point) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function runningSums(weights: Float64Array): Float64Array {
  let sum = 0;
  return weights.map((weight) => {
    sum += weight;
    return sum;
  });
}

function newest(endpoints: readonly LocalDestination[]): number {
  return endpoints.reduce(
    (latest, { endpoint }) => Math.max(latest, endpoint.runtime.fitSinceMs),
    Number.NEGATIVE_INFINITY,
  );
}
