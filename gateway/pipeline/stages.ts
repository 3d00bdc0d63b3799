import type { FailureCode } from '../../federation/model/errors.ts';
import { authenticate } from './authenticate.ts';
import { authorize } from './authorize.ts';
import { faults } from './faults.ts';
import { forward } from './forward.ts';
import { limits } from './limits.ts';
import { provenance } from './provenance.ts';
import { rateLimit } from './rate-limit.ts';
import type { PipelineEnvironment, PipelineRequest } from './request.ts';
import { route } from './route.ts';
import { rules } from './rules.ts';

/** Lets a request pass (undefined) or names how it fails. Synchronous, and never writes an answer itself. */
export type Stage = (request: PipelineRequest, environment: PipelineEnvironment) => FailureCode | undefined;

/** What every request goes through, in this order. */
export const STAGES: readonly Stage[] = [
  limits,
  authenticate,
  route,
  rules,
  authorize,
  rateLimit,
  faults,
  provenance,
  forward,
];

/** What a mirrored copy of a request still goes through: the original has been through the rest. */
export const COPY_STAGES: readonly Stage[] = [authorize, forward];

export function runStages(
  request: PipelineRequest,
  environment: PipelineEnvironment,
  stages: readonly Stage[] = STAGES,
): FailureCode | undefined {
  for (const stage of stages) {
    const failure = stage(request, environment);
    if (failure !== undefined) return failure;
  }
  return undefined;
}
