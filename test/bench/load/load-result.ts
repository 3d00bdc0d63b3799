export interface LoadResult {
  readonly requests: number;
  readonly rps: number;
  /** Requests that were not answered with 2xx, and broken connections. */
  readonly errors: number;
}

export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly errors: number;
}

/** @throws when a load generator's output has no such number */
export function numberIn(output: string, pattern: RegExp): number {
  const match = pattern.exec(output);
  if (match === null) throw new Error(`the load generator said something unknown:\n${output}`);
  return Number(match[1]);
}
