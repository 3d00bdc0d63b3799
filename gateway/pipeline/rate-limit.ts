import type { FailureCode } from '../../federation/model/errors.ts';
import type { RateLimit } from '../../federation/model/rate-limit.ts';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { PipelineEnvironment, PipelineRequest } from './request.ts';

const REASONS: Readonly<Record<RateLimit['per'], RejectionReason>> = {
  service: 'rate-limit-service',
  caller: 'rate-limit-caller',
  route: 'rate-limit-route',
  'route-and-caller': 'rate-limit-route-and-caller',
};

/** Whether the service's rate limits let it pass. Each gateway asks its own cluster's, for what comes on a trunk too. */
export function rateLimit(
  request: PipelineRequest,
  environment: PipelineEnvironment,
): FailureCode | undefined {
  const limiter = request.route?.handling?.limiter;
  if (limiter === undefined) return undefined;
  const caller = limiter.byCaller ? callerKey(request) : '';
  const refusal = limiter.take(request.startedMs, caller, limiter.byRoute ? ruleKey(request) : '');
  if (refusal === undefined) return undefined;
  request.retryAfterMs = refusal.waitMs;
  environment.rejected(REASONS[refusal.per]);
  return 'rateLimited';
}

/** Who calls: a SPIFFE ID, else an address without its port. Nobody knows the addresses of those behind a trunk. */
function callerKey(request: PipelineRequest): string {
  const caller = request.caller ?? request.callerByAddress;
  if (caller !== undefined) return caller;
  if (request.context.origin === 'trunk') return `anonymous/${request.sourceCluster}`;
  const { remoteAddress } = request.context;
  return remoteAddress.slice(0, Math.max(0, remoteAddress.lastIndexOf(':')));
}

/** By which rule it goes. What came over a trunk has been asked at its own cluster, whose rules nobody knows here. */
function ruleKey({ rule, context, sourceCluster }: PipelineRequest): string {
  if (rule !== undefined) return rule.key;
  return context.origin === 'trunk' ? `trunk/${sourceCluster}` : '';
}
