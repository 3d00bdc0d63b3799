import type { FailureCode } from '../../federation/model/errors.ts';
import type { AccessDecision, CompiledAccess } from '../routing/access.ts';
import type { PipelineEnvironment, PipelineRequest } from './request.ts';

/** Whether the service's access rules let this caller do this. */
export function authorize(
  request: PipelineRequest,
  environment: PipelineEnvironment,
): FailureCode | undefined {
  const access = request.route?.access;
  if (access === undefined) return 'internal';
  if (access.everyone) return undefined;
  const decision = decide(access, request);
  if (decision.allowed) {
    if (access.audit !== undefined) audit(access.audit, request, environment);
    return undefined;
  }
  request.accessFinding = findingText(access, decision);
  environment.rejected('access');
  return 'forbidden';
}

/** What rules in audit mode would have denied is told, and let in. */
function audit(access: CompiledAccess, request: PipelineRequest, environment: PipelineEnvironment): void {
  const decision = decide(access, request);
  if (decision.allowed) return;
  request.accessFinding = `audit: ${findingText(access, decision)}`;
  environment.rejected('access-audit');
}

/** An opaque connection has neither method nor path. */
function decide(access: CompiledAccess, request: PipelineRequest): AccessDecision {
  const opaque = request.route?.port.protocol === 'tcp';
  return access.decide(
    request.caller,
    request.sourceCluster,
    opaque ? undefined : request.method,
    opaque ? undefined : request.path,
    request.callerByAddress,
  );
}

function findingText(access: CompiledAccess, decision: AccessDecision): string {
  const origin = access.originOf(decision);
  if (origin !== undefined) return `denied by rule ${origin.rule + 1} of ${origin.policy}`;
  return decision.because === 'rule' ? 'denied by an unreadable policy' : 'denied: no rule allows it';
}
