import { durationText } from '../../federation/failover/sentences.ts';
import type { FaultAbort, FaultInjection } from '../../federation/model/fault-injection.ts';
import type { RateLimit, RateLimitScope } from '../../federation/model/rate-limit.ts';
import type { RequestTimeouts } from '../../federation/model/request-policy.ts';
import type { RequestHandling } from './request-handling.ts';
import type { RetryPlan } from './retry-plan.ts';

/** What a service's TrafficPolicy asks of each request, in sentences for `isthmus why`; none where it asks nothing. */
export function handlingText(handling: RequestHandling | undefined): readonly string[] {
  if (handling === undefined) return [];
  const { timeouts, retries, limiter, faults } = handling;
  return [
    ...(timeouts === undefined ? [] : timeoutSentences(timeouts)),
    ...(retries === undefined ? [] : [retrySentence(retries, handling)]),
    ...(limiter?.limits ?? []).map(limitSentence),
    ...(faults === undefined ? [] : faultSentences(faults)),
  ];
}

function timeoutSentences({ requestMs, backendRequestMs, idleMs }: RequestTimeouts): readonly string[] {
  return [
    ...boundSentence('A request may take', requestMs),
    ...boundSentence('One attempt may take', backendRequestMs),
    ...boundSentence('Without a byte either way it ends after', idleMs),
  ];
}

function boundSentence(subject: string, boundMs: number | undefined): readonly string[] {
  if (boundMs === undefined) return [];
  return [`${subject} ${boundMs === 0 ? 'any time' : durationText(boundMs)}.`];
}

function retrySentence(plan: RetryPlan, { policy }: RequestHandling): string {
  const on = policy.retries?.on.join(', ') ?? '';
  const times = plan.maxRetries === 1 ? 'once' : `up to ${plan.maxRetries} times`;
  const { baseMs, maxMs } = plan.backoff;
  const bound =
    plan.perTryTimeoutMs === undefined
      ? ''
      : `, each attempt for ${durationText(plan.perTryTimeoutMs)} at most`;
  return (
    `Retried ${times} (${on}) after ${durationText(baseMs)} to ${durationText(maxMs)} at most${bound}, ` +
    `while no more than ${Math.round(plan.budget * 100)} % of the requests, or ${plan.minConcurrency}, are retries of this worker.`
  );
}

const WHOSE: Readonly<Record<RateLimitScope, string>> = {
  service: 'in all',
  caller: 'of each caller',
  route: 'by each rule of a route',
  'route-and-caller': 'of each caller by each rule of a route',
};

function limitSentence({ per, requests, intervalMs, burst }: RateLimit): string {
  const whose = WHOSE[per];
  return `Each gateway pod lets ${requests} requests every ${durationText(intervalMs)} through ${whose}, ${burst} at once; more are 429.`;
}

function faultSentences({ headers, delay, abort }: FaultInjection): readonly string[] {
  const names = headers.map(({ name }) => name).join(', ');
  const which = headers.length === 0 ? 'requests' : `requests with ${names} as asked for`;
  return [
    ...(delay === undefined
      ? []
      : [`ON PURPOSE, ${delay.percentage} % of ${which} wait for ${durationText(delay.fixedMs)}.`]),
    ...(abort === undefined
      ? []
      : [`ON PURPOSE, ${abort.percentage} % of ${which} fail with ${statusText(abort)}.`]),
  ];
}

function statusText({ httpStatus, grpcStatus }: FaultAbort): string {
  const grpc = grpcStatus === undefined ? undefined : `gRPC status ${grpcStatus}`;
  return [httpStatus, grpc].filter((status) => status !== undefined).join(' or ');
}
