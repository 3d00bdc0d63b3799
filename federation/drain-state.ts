import type { DrainState } from './admin/state-report.ts';
import { drainPercent } from './failover/drain.ts';
import type { ClusterName } from './model/cluster.ts';
import type { Drain } from './model/drain.ts';
import type { ServiceKey } from './model/service.ts';
import type { Peer, RoutingSnapshot, ServiceOffer } from './model/snapshot.ts';

/** How much of its share drains have taken from a peer, in whole percent. */
export function drainedPercent(
  { announcedDrain, drain }: Pick<Peer, 'announcedDrain' | 'drain'>,
  nowMs: number,
): number {
  return 100 - Math.min(drainPercent(announcedDrain, nowMs), drainPercent(drain, nowMs));
}

/** For the state; undefined where there is none. */
export function drainState(drain: Drain | undefined, nowMs: number): DrainState | undefined {
  return drain && { ...drain, takenPercent: 100 - drainPercent(drain, nowMs) };
}

/**
 * By cluster, the services of which it has a host that can answer, and no other cluster that is not drained has one:
 * where it is drained it keeps their requests.
 * @param max how many of each cluster, at most
 */
export function lastMembers(
  { local, peers, services, drain }: RoutingSnapshot,
  max: number,
): ReadonlyMap<ClusterName, readonly ServiceKey[]> {
  const staysOut = (cluster: ClusterName): boolean =>
    isDrained(cluster === local.name ? { drain } : (peers.get(cluster) ?? {}));
  const found = new Map<ClusterName, ServiceKey[]>();
  for (const [key, { offers, backendOnly }] of services) {
    // Its routes are asked in its own cluster, drained or not.
    if (backendOnly) continue;
    const able = offers.filter((offer) => canAnswer(offer) && peers.get(offer.cluster)?.reach !== 'left');
    const staying = able.filter(({ cluster }) => !staysOut(cluster));
    for (const { cluster } of able) {
      if (staying.some((other) => other.cluster !== cluster)) continue;
      const keys = found.getOrInsertComputed(cluster, () => []);
      if (keys.length < max) keys.push(key);
    }
  }
  return found;
}

/** Whether a drain is ordered; false on the way back. */
export function isDrained({ announcedDrain, drain }: Pick<Peer, 'announcedDrain' | 'drain'>): boolean {
  return announcedDrain?.kind === 'draining' || drain?.kind === 'draining';
}

function canAnswer({ localities }: ServiceOffer): boolean {
  return localities.some(({ healthy, degraded }) => healthy + degraded > 0);
}
