import { FIRST_TRY } from '../routing/destination.ts';
import type { Route } from '../routing/route.ts';
import type { RouteMeters } from '../telemetry/route-meters.ts';
import type { PipelineEnvironment, PipelineRequest } from './request.ts';
import { hashOfRequest } from './request-hash.ts';

/** The request goes to this service: what its policy asks of each request holds for it, its hash included. */
export function settleFor(
  request: PipelineRequest,
  route: Route<RouteMeters>,
  { random }: Pick<PipelineEnvironment, 'random'>,
): void {
  request.route = route;
  const { hashOn, handling } = route;
  const hash = hashOn === undefined ? undefined : hashOfRequest(request, hashOn, random);
  if (hash !== undefined) request.choice = { ...FIRST_TRY, hash };
  if (handling === undefined) return;
  request.timeouts = handling.timeouts;
  request.retryPlan = handling.retries;
  request.faults = handling.faults;
}
