import { isDeepStrictEqual } from 'node:util';
import type { RequestTimeouts } from '../../federation/model/request-policy.ts';
import type { TrafficPolicy } from '../../federation/model/traffic-policy.ts';
import { type RetryPlan, retryPlan } from './retry-plan.ts';

/** What a service's TrafficPolicy asks of each request beyond the choice of its destination. */
export interface RequestHandling {
  /** What it was made from. */
  readonly policy: Pick<TrafficPolicy, 'timeouts' | 'retries'>;
  readonly timeouts: RequestTimeouts | undefined;
  readonly retries: RetryPlan | undefined;
}

/**
 * Undefined for a service whose policy asks for nothing of the kind: then no request costs anything more.
 * @param before of the snapshot before: the same object while nothing of it changes, with what it has counted
 */
export function requestHandling(
  { timeouts, retries }: TrafficPolicy,
  workers: number,
  before: RequestHandling | undefined,
): RequestHandling | undefined {
  if (timeouts === undefined && retries === undefined) return undefined;
  const policy = { timeouts, retries };
  if (before !== undefined && isDeepStrictEqual(before.policy, policy)) return before;
  return {
    policy,
    timeouts,
    retries: retries === undefined ? undefined : retryPlan(retries, workers),
  };
}
