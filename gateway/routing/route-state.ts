import type { Balancer } from './balancing/balancer.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import type { LocalHosts } from './local-hosts.ts';
import type { RoutePlan } from './route-plan.ts';
import type { TierUsage } from './tier-usage.ts';

/** The part of a route that changes while it is in force. `pool` and `usages` pass on to the next snapshot's route. */
export interface RouteState {
  readonly pool: EndpointPool;
  /** By tier's index. */
  readonly usages: readonly TierUsage[];
  readonly balancer: Balancer;
  /** Which of 100 turns comes next. */
  turn: number;
  plan: RoutePlan | undefined;
  localHosts: LocalHosts | undefined;
}
