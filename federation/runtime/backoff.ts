/** Exponential backoff with full jitter (the delay is uniform between 0 and the bound). */
export interface BackoffPolicy {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Delay before try `attempt` (0 = first retry); `random` gives 0 ≤ x < 1. */
export function backoffMs(policy: BackoffPolicy, attempt: number, random: () => number): number {
  const boundMs = Math.min(policy.maxMs, policy.baseMs * 2 ** Math.min(attempt, 30));
  return Math.floor(random() * boundMs);
}
