import { type FailoverPlan, planFailover } from '../../federation/failover/plan.ts';
import type { ClusterName } from '../../federation/model/cluster.ts';
import { currentLocalHosts, failoverInput } from './failover-input.ts';
import type { PeerAvailability } from './peer-availability.ts';
import type { Route } from './route.ts';
import { RoutePlan } from './route-plan.ts';
import type { RouteTable } from './route-table.ts';

/** The plan in force; made anew when the snapshot, a peer, an own endpoint or the clock has changed it. */
export function currentPlan(nowMs: number, table: RouteTable, route: Route): RoutePlan {
  const { state } = route;
  const known = state.plan;
  if (
    known !== undefined &&
    nowMs < known.validUntilMs &&
    known.versions.peers === table.peers.version &&
    known.versions.pool === state.pool.version
  ) {
    return known;
  }
  const failover = planFailover(failoverInput(nowMs, table, route));
  const versions = { peers: table.peers.version, pool: state.pool.version };
  const plan = new RoutePlan(failover, currentLocalHosts(route), state.usages, versions);
  state.plan = plan;
  noteReturns(failover, state.shares, table.peers);
  return plan;
}

/** Tells of each cluster that had less than its full share when this was looked at last, and has it now. */
function noteReturns(
  plan: FailoverPlan,
  sharesBefore: Map<ClusterName, number>,
  peers: PeerAvailability,
): void {
  for (const { cluster, standing } of plan.input.candidates) {
    const share = standing.kind === 'counted' ? standing.sharePercent : 0;
    const before = sharesBefore.get(cluster);
    sharesBefore.set(cluster, share);
    if (before === undefined || before === 100 || share !== 100) continue;
    if (standing.kind === 'counted' && standing.phase.kind === 'returned') {
      peers.fullyReturned(cluster, standing.phase.healthySinceMs);
    }
  }
}
