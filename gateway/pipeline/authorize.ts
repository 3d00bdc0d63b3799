import type { FailureCode } from '../../federation/model/errors.ts';
import type { PipelineEnvironment, PipelineRequest } from './request.ts';

/** Whether the service's access rules let this caller do this. */
export function authorize(
  request: PipelineRequest,
  environment: PipelineEnvironment,
): FailureCode | undefined {
  const access = request.route?.access;
  if (access === undefined) return 'internal';
  if (access.everyone) return undefined;
  const opaque = request.route?.port.protocol === 'tcp';
  const decision = access.decide(
    request.caller,
    request.sourceCluster,
    opaque ? undefined : request.method,
    opaque ? undefined : request.path,
  );
  if (decision.allowed) return undefined;
  environment.rejected('access');
  return 'forbidden';
}
