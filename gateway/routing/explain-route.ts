import { explainPlan, type PeerSight } from '../../federation/failover/explain.ts';
import type { RouteExplanation } from '../../federation/failover/explanation.ts';
import { planFailover } from '../../federation/failover/plan.ts';
import type { ClusterName } from '../../federation/model/cluster.ts';
import { failoverInput, type Supposition } from './failover-input.ts';
import type { Route } from './route.ts';
import type { RouteTable } from './route-table.ts';

/**
 * What `choose` would do with the route now, or if `supposed` were so, and the whole arithmetic behind it. Changes
 * nothing.
 * @param nowMs Unix ms
 */
export function explainRoute(
  nowMs: number,
  table: RouteTable,
  route: Route,
  supposed: Supposition = {},
): RouteExplanation {
  return explainPlan(planFailover(failoverInput(nowMs, table, route, supposed)), {
    target: route.target,
    nowMs,
    cluster: table.snapshot.local.name,
    supposed: { down: supposed.down ?? [], from: supposed.from },
    peers: peerSights(table, route),
  });
}

function peerSights(table: RouteTable, route: Route): ReadonlyMap<ClusterName, PeerSight> {
  const sights = new Map<ClusterName, PeerSight>();
  for (const { cluster, changedAtMs } of route.offers) {
    const peer = table.snapshot.peers.get(cluster);
    if (peer === undefined) continue;
    const { reach, lastSeenMs } = peer;
    const trunk = table.peers.sight(cluster).kind;
    sights.set(cluster, { reach, lastSeenMs, offerChangedAtMs: changedAtMs, trunk });
  }
  return sights;
}
