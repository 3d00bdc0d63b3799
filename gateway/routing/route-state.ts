import type { ClusterName } from '../../federation/model/cluster.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import type { LocalHosts } from './local-hosts.ts';
import type { RoutePlan } from './route-plan.ts';
import type { TierUsage } from './tier-usage.ts';

/** The part of a route that changes while it is in force. `pool`, `usages` and `shares` pass on to the
 * next snapshot's route. */
export interface RouteState {
  readonly pool: EndpointPool;
  /** By tier's index. */
  readonly usages: readonly TierUsage[];
  /** f of each cluster in percent, as of the newest plan; passes on too. */
  readonly shares: Map<ClusterName, number>;
  /** Which of 100 turns comes next. */
  turn: number;
  plan: RoutePlan | undefined;
  localHosts: LocalHosts | undefined;
}
