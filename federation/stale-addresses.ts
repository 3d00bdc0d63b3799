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
 * The pods of a headless service: of a peer that is lost for longer than `staleAfter` none is ready, as gateways send it nothing
 * more. They stay known, for it has not said that they are gone.
 * @param nowMs Unix ms
 * @returns `addresses` itself where that is so of none
 */
export function withoutStale(
  addresses: Addresses,
  lost: readonly Peer[],
  staleAfterMs: number,
  nowMs: number,
): Addresses {
  const stale = lost.filter(
    ({ cluster, lastSeenMs }) => addresses.has(cluster) && nowMs - lastSeenMs > staleAfterMs,
  );
  if (stale.length === 0) return addresses;
  const clusters = new Set(stale.map(({ cluster }) => cluster));
  return new Map(
    [...addresses].map(([cluster, groups]) => [cluster, clusters.has(cluster) ? unready(groups) : groups]),
  );
}

function unready(groups: readonly AddressGroup[]): readonly AddressGroup[] {
  return groups.map((group) => ({
    ...group,
    hosts: group.hosts.map((host) => ({ ...host, ready: false })),
  }));
}
