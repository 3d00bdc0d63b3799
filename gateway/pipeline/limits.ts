import type { FailureCode } from '../../federation/model/errors.ts';
import { readRequestFields } from './fields.ts';
import type { PipelineEnvironment, PipelineRequest } from './request.ts';

/**
 * Sheds what the worker cannot carry, and reads the fields once. What one connection may do (header sizes, streams,
 * floods, slowness) its codec has enforced already.
 */
export function limits(request: PipelineRequest, environment: PipelineEnvironment): FailureCode | undefined {
  if (environment.activeRequests > environment.maxActiveRequests) {
    environment.rejected('active-requests');
    return 'overloaded';
  }
  if (environment.memoryExhausted) {
    environment.rejected('memory');
    return 'overloaded';
  }
  if (environment.refusesRequests) {
    environment.rejected('overload-requests');
    return 'overloaded';
  }
  return readRequestFields(request);
}
