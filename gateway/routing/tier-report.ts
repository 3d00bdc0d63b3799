import { failoverActive } from '../../federation/failover/plan.ts';
import type { ClusterName } from '../../federation/model/cluster.ts';
import { currentPlan } from './current-plan.ts';
import type { Route } from './route.ts';
import type { RouteTable } from './route-table.ts';

/** The numbers behind the gauges of failover, for one route. */
export interface TierReport<Telemetry> {
  readonly route: Route<Telemetry>;
  /** By tier, 0 to 1: `isthmus_tier_load_ratio`. */
  readonly loadRatios: readonly number[];
  /** `isthmus_failover_active`: a tier below the one where the service is at home takes requests. */
  readonly failoverActive: boolean;
  /** Healthy hosts by cluster, as seen here; 0 for a cluster that does not count: `isthmus_endpoint_healthy`. */
  readonly healthyHosts: ReadonlyMap<ClusterName, number>;
  /** Ms since each peer said what it has: `isthmus_endpoint_age_seconds`. */
  readonly offerAgesMs: ReadonlyMap<ClusterName, number>;
  /** Since the worker's start: `isthmus_endpoint_ejections_total`. */
  readonly ejections: number;
}

/**
 * One for each route that has been asked for, so that a clusterset of thousands of services does not make as many
 * series in a gateway that serves a few of them.
 * @param nowMs Unix ms
 */
export function tierReports<Telemetry>(
  nowMs: number,
  table: RouteTable<Telemetry>,
): readonly TierReport<Telemetry>[] {
  return [...table.routes()]
    .filter(({ state }) => state.plan !== undefined || state.shares.size > 0)
    .map((route) => tierReport(nowMs, table, route));
}

function tierReport<Telemetry>(
  nowMs: number,
  table: RouteTable<Telemetry>,
  route: Route<Telemetry>,
): TierReport<Telemetry> {
  const { failover } = currentPlan(nowMs, table, route);
  const healthyHosts = new Map<ClusterName, number>();
  for (const { cluster, standing, localities } of failover.input.candidates) {
    const healthy = localities.reduce((total, locality) => total + locality.healthy, 0);
    healthyHosts.set(cluster, standing.kind === 'counted' ? healthy : 0);
  }
  const peers = route.offers.filter((offer) => offer.cluster !== table.snapshot.local.name);
  return {
    route,
    loadRatios: failover.tiers.map((tier) => tier.load.load / 100),
    failoverActive: failoverActive(failover),
    healthyHosts,
    offerAgesMs: new Map(peers.map((offer) => [offer.cluster, Math.max(0, nowMs - offer.changedAtMs)])),
    ejections: route.state.pool.ejections,
  };
}
