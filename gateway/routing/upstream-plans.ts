import type { ServiceKey } from '../../federation/model/service.ts';
import type { LocalEndpoint } from './local-endpoint.ts';
import type { Route } from './route.ts';
import type { UpstreamPlan } from './upstream-plan.ts';

type Routed = Pick<Route, 'upstream'> & { readonly endpoints: readonly Pick<LocalEndpoint, 'poolKey'>[] };

/** An endpoint, as far as it is looked up. */
export type PlannedEndpoint = Pick<LocalEndpoint, 'poolKey'> & {
  readonly upstream: Pick<UpstreamPlan, 'service'>;
};

/**
 * What holds for an endpoint by the routes that there are now; undefined = none of them has it, or it is spoken to
 * otherwise. A service's endpoints are gone through once, at the first question about one of them: a change of a service
 * with thousands asks about each.
 */
export function upstreamPlans(
  services: ReadonlyMap<ServiceKey, { readonly routes: readonly Routed[] }>,
): (endpoint: PlannedEndpoint) => UpstreamPlan | undefined {
  const byService = new Map<ServiceKey, ReadonlyMap<string, UpstreamPlan>>();
  return ({ poolKey, upstream: { service } }) => {
    let plans = byService.get(service);
    if (plans === undefined) {
      plans = byPoolKey(services.get(service)?.routes ?? []);
      byService.set(service, plans);
    }
    return plans.get(poolKey);
  };
}

/** Several routes may share a pool: the first one's plan holds. */
function byPoolKey(routes: readonly Routed[]): ReadonlyMap<string, UpstreamPlan> {
  const plans = new Map<string, UpstreamPlan>();
  for (const { endpoints, upstream } of routes) {
    for (const { poolKey } of endpoints) if (!plans.has(poolKey)) plans.set(poolKey, upstream);
  }
  return plans;
}
