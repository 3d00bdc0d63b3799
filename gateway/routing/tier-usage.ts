/**
 * How many requests of this worker are in flight in one tier of one route, and how many may be: the hard bound of
 * `maxConcurrent`. The same object from snapshot to snapshot, so that what was begun under one ends under the next.
 */
export interface TierUsage {
  inFlight: number;
  /** Infinity without a bound. */
  limit: number;
}

export function newTierUsage(): TierUsage {
  return { inFlight: 0, limit: Number.POSITIVE_INFINITY };
}

/** A pod's bound, shared equally by its workers; each may have at least one request. */
export function workerLimit(maxConcurrent: number | undefined, workers: number): number {
  if (maxConcurrent === undefined) return Number.POSITIVE_INFINITY;
  if (maxConcurrent === 0) return 0;
  return Math.max(1, Math.floor(maxConcurrent / workers));
}
