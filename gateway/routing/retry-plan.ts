import { RETRIABLE_GRPC_STATUS, type RetryPolicy } from '../../federation/model/request-policy.ts';
import type { BackoffPolicy } from '../../federation/runtime/backoff.ts';

/** A service's `retries`, ready to be asked about one failed attempt. */
export interface RetryPlan {
  readonly maxRetries: number;
  readonly statuses: ReadonlySet<number>;
  /** Values of `grpc-status`. */
  readonly grpcStatuses: ReadonlySet<string>;
  /** Also when there was no whole answer: reset, lost, or none in the attempt's time. */
  readonly resets: boolean;
  /** Also what nobody took, once there is nowhere else to send it. */
  readonly connects: boolean;
  readonly backoff: BackoffPolicy;
  /** Share of the worker's active requests (0 to 1) that may be retries at one time. */
  readonly budget: number;
  /** As many retries the worker may always have. */
  readonly minConcurrency: number;
  readonly perTryTimeoutMs: number | undefined;
  /** The same where a rule says how long an attempt may take; undefined where there is no difference. */
  readonly withoutTryTimeout?: RetryPlan;
  /** Paths whose requests may be done twice: whole, or the beginnings of those that end in `*`. */
  readonly idempotentPaths: ReadonlySet<string>;
  readonly idempotentPrefixes: readonly string[];
}

const SERVER_ERRORS: readonly number[] = Array.from({ length: 100 }, (_, index) => 500 + index);
const GATEWAY_ERRORS: readonly number[] = [502, 503, 504];

/** @param workers how many share the pod's budget */
export function retryPlan(policy: RetryPolicy, workers: number): RetryPlan {
  const on = new Set<string>(policy.on);
  // As in Envoy: what a client would see as a 5xx from the gateway itself counts as one.
  const asError = on.has('5xx') || on.has('gateway-error');
  const isPrefix = (path: string) => path.endsWith('*');
  const plan: RetryPlan = {
    maxRetries: policy.attempts,
    statuses: new Set([
      ...(on.has('5xx') ? SERVER_ERRORS : []),
      ...(on.has('gateway-error') ? GATEWAY_ERRORS : []),
      ...(on.has('retriable-status-codes') ? policy.statusCodes : []),
    ]),
    grpcStatuses: new Set(
      Object.entries(RETRIABLE_GRPC_STATUS).flatMap(([name, code]) => (on.has(name) ? [String(code)] : [])),
    ),
    resets: asError || on.has('reset'),
    connects: asError || on.has('connect-failure'),
    backoff: policy.backoff,
    budget: policy.budget.percent / 100,
    minConcurrency: Math.ceil(policy.budget.minConcurrency / workers),
    perTryTimeoutMs: policy.perTryTimeoutMs,
    idempotentPaths: new Set(policy.idempotentPaths.filter((path) => !isPrefix(path))),
    idempotentPrefixes: policy.idempotentPaths.filter(isPrefix).map((path) => path.slice(0, -1)),
  };
  if (plan.perTryTimeoutMs === undefined) return plan;
  return { ...plan, withoutTryTimeout: { ...plan, perTryTimeoutMs: undefined } };
}

/** Whether the policy says that a request of this path may be done twice; a query is not looked at. */
export function mayBeDoneTwice(plan: RetryPlan, path: string | undefined): boolean {
  if (path === undefined || (plan.idempotentPaths.size === 0 && plan.idempotentPrefixes.length === 0)) {
    return false;
  }
  const query = path.indexOf('?');
  const bare = query < 0 ? path : path.slice(0, query);
  return plan.idempotentPaths.has(bare) || plan.idempotentPrefixes.some((prefix) => bare.startsWith(prefix));
}
