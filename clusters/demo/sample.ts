/** One request of the load, as its client saw it. Times are Unix ms with fractions. */
export interface Sample {
  /** When it was meant to be sent: an open loop measures from there. */
  readonly sentAtMs: number;
  readonly durationMs: number;
  readonly protocol: 'http/1.1' | 'h2';
  readonly idempotent: boolean;
  /** The cluster that the body names; undefined when the request failed. */
  readonly cluster: string | undefined;
  /** Why it failed; undefined when it did not. */
  readonly failure: string | undefined;
}

export function finishedAtMs(sample: Sample): number {
  return sample.sentAtMs + sample.durationMs;
}
