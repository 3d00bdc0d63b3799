import { isDeepStrictEqual } from 'node:util';
import type { FaultInjection } from '../../federation/model/fault-injection.ts';
import type { RateLimit } from '../../federation/model/rate-limit.ts';
import type { RequestTimeouts } from '../../federation/model/request-policy.ts';
import type { TrafficPolicy } from '../../federation/model/traffic-policy.ts';
import type { BucketLedger } from './bucket-ledger.ts';
import { RateLimiter } from './rate-limiter.ts';
import { type RetryPlan, retryPlan } from './retry-plan.ts';

type HandlingPolicy = Pick<TrafficPolicy, 'timeouts' | 'retries' | 'rateLimits' | 'faultInjection'>;

/** What a service's TrafficPolicy asks of each request beyond the choice of its destination. */
export interface RequestHandling {
  /** What it was made from. */
  readonly policy: HandlingPolicy;
  readonly timeouts: RequestTimeouts | undefined;
  readonly retries: RetryPlan | undefined;
  /** Holds what is left of each bucket. */
  readonly limiter: RateLimiter | undefined;
  readonly faults: FaultInjection | undefined;
}

/**
 * Undefined for a service whose policy asks for nothing of the kind: then no request costs anything more.
 * @param workers how many share the pod's limits and budgets
 * @param before of the snapshot before: the same object while nothing of it changes; buckets stay while their limits do
 * @param ledger of the worker's buckets
 */
export function requestHandling(
  { timeouts, retries, rateLimits, faultInjection }: TrafficPolicy,
  workers: number,
  before: RequestHandling | undefined,
  ledger: BucketLedger,
): RequestHandling | undefined {
  const policy: HandlingPolicy = { timeouts, retries, rateLimits, faultInjection };
  if (Object.values(policy).every((part) => part === undefined)) return undefined;
  if (before !== undefined && isDeepStrictEqual(before.policy, policy)) return before;
  return {
    policy,
    timeouts,
    retries: retries === undefined ? undefined : retryPlan(retries, workers),
    limiter: rateLimits === undefined ? undefined : limiterOf(rateLimits, workers, before?.limiter, ledger),
    faults: faultInjection,
  };
}

function limiterOf(
  limits: readonly RateLimit[],
  workers: number,
  before: RateLimiter | undefined,
  ledger: BucketLedger,
): RateLimiter {
  return before !== undefined && isDeepStrictEqual(before.limits, limits)
    ? before
    : new RateLimiter(limits, workers, ledger);
}
