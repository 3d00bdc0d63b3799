import type { ClusterName } from './model/cluster.ts';
import type { AddressGroup } from './model/flat-network.ts';
import type { Peer, RoutingSnapshot } from './model/snapshot.ts';

type Addresses = ReadonlyMap<ClusterName, readonly AddressGroup[]>;

/** Peers that say nothing and to which no gateway has a trunk: nobody here can tell whether their pods are there. */
export function lostPeers({ peers }: RoutingSnapshot): readonly Peer[] {
  return [...peers.values()].filter(
    ({ reach, health }) => reach === 'unreachable' && health.kind === 'failing',
  );
}

/**
 * Clusters of which no pod of a headless service is called ready: peers that are lost for longer than `staleAfter`, as gateways
 * send them nothing more.
 * @param nowMs Unix ms
 */
export function staleClusters(
  addresses: Addresses,
  lost: readonly Peer[],
  staleAfterMs: number,
  nowMs: number,
): readonly ClusterName[] {
  return lost
    .filter(({ cluster, lastSeenMs }) => addresses.has(cluster) && nowMs - lastSeenMs > staleAfterMs)
    .map(({ cluster }) => cluster);
}

/**
 * None of these clusters' pods is ready. They stay known, for it was not said that they are gone.
 * @returns `addresses` itself where there are no such clusters
 */
export function withoutStale(addresses: Addresses, stale: readonly ClusterName[]): Addresses {
  if (stale.length === 0) return addresses;
  return new Map(
    [...addresses].map(([cluster, groups]) => [cluster, stale.includes(cluster) ? unready(groups) : groups]),
  );
}

function unready(groups: readonly AddressGroup[]): readonly AddressGroup[] {
  return groups.map((group) => ({
    ...group,
    hosts: group.hosts.map((host) => ({ ...host, ready: false })),
  }));
}
