import type { FailureCode } from '../../federation/model/errors.ts';
import type { PipelineEnvironment, PipelineRequest } from './request.ts';

/**
 * Who calls. A client is whom its certificate names, or anonymous, though the address of its pod may speak for somebody; on a trunk the peer gateway names the caller, and
 * is believed only for callers of its own cluster's trust domain.
 */
export function authenticate(
  request: PipelineRequest,
  environment: PipelineEnvironment,
): FailureCode | undefined {
  const { context } = request;
  if (context.origin === 'trunk') return authenticateOnTrunk(request, environment, context.peerCluster);
  request.sourceCluster = environment.local.name;
  if (context.caller === undefined) {
    const { callers } = environment.table;
    if (callers.size > 0) request.callerByAddress = callers.of(context.remoteAddress);
    return undefined;
  }
  if (context.caller.trustDomain !== environment.local.trustDomain) {
    environment.rejected('foreign-caller');
    return 'unauthenticated';
  }
  request.caller = context.caller.text;
  return undefined;
}

function authenticateOnTrunk(
  request: PipelineRequest,
  environment: PipelineEnvironment,
  peer: string | undefined,
): FailureCode | undefined {
  if (peer === undefined) return 'unauthenticated';
  request.sourceCluster = peer;
  const { claimedCaller, claimedCallerByAddress } = request;
  const claimed = claimedCaller ?? claimedCallerByAddress;
  if (claimed === undefined) return undefined;
  const trustDomain = request.identities.trustDomainOf(claimed);
  if (trustDomain === undefined || trustDomain !== environment.trustDomainOf(peer)) {
    environment.rejected('foreign-caller');
    return 'unauthenticated';
  }
  if (claimedCaller === undefined) request.callerByAddress = claimed;
  else request.caller = claimed;
  return undefined;
}
