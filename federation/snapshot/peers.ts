import { isDeepStrictEqual } from 'node:util';
import type { PeerRule } from '../../clusters/provider.ts';
import {
  type ClusterName,
  type GatewayAddress,
  isDnsLabel,
  type LocalCluster,
  type Locality,
  type PeerReach,
} from '../model/cluster.ts';
import type { Drain } from '../model/drain.ts';
import { clusterTrustDomain, fitsTrustDomain } from '../model/identity.ts';
import type { Peer } from '../model/snapshot.ts';
import { BOUNDS } from '../wire/bounds.ts';
import { isHost } from '../wire/field-checks.ts';

/** What is known of a member of the clusterset, from the store or only by name. */
export interface KnownPeer {
  readonly cluster: ClusterName;
  readonly reach: PeerReach;
  /** 0 = never. */
  readonly lastSeenMs: number;
  readonly locality: Locality | undefined;
  readonly gateways: readonly GatewayAddress[];
  readonly announcedDrain: Drain | undefined;
}

/** What a follower of the store knows of a peer. */
export interface SeenPeer {
  readonly cluster: ClusterName;
  readonly reach: PeerReach;
  readonly lastSeenMs: number;
  readonly head:
    | {
        readonly locality: Locality;
        readonly gateways: readonly GatewayAddress[];
        readonly drain?: Drain;
      }
    | undefined;
}

/** What a ClusterPeer says of who a member is and where. */
export type NamedPeer = Pick<PeerRule, 'trustDomain' | 'gateways'>;

/**
 * Every other member: those of which the store's follower ever had a head, and those that a ClusterPeer names. A name
 * that merely stands in the store makes no member: anyone with access can put it there. At most as many as a snapshot
 * may have; gateways at impossible addresses, and names that make no trust domain, are left out: the whole snapshot
 * would be refused for one.
 */
export function* knownPeers(
  local: LocalCluster,
  seen: Iterable<SeenPeer>,
  named: ReadonlyMap<ClusterName, NamedPeer>,
): Iterable<KnownPeer> {
  const clusters = new Set([local.name]);
  const fits = (cluster: ClusterName): boolean =>
    !clusters.has(cluster) &&
    clusters.size <= BOUNDS.peers &&
    isDnsLabel(cluster) &&
    fitsTrustDomain(cluster, local.clusterset) &&
    otherTrustDomain(local, cluster, named.get(cluster)) === undefined;
  for (const { cluster, reach, lastSeenMs, head } of seen) {
    if (head === undefined || !fits(cluster)) continue;
    clusters.add(cluster);
    const gateways = head.gateways.filter((gateway) => isHost(gateway.host));
    yield { cluster, reach, lastSeenMs, locality: head.locality, gateways, announcedDrain: head.drain };
  }
  for (const [cluster, { gateways: given = [] }] of named) {
    if (!fits(cluster)) continue;
    clusters.add(cluster);
    const gateways = given.filter((gateway) => isHost(gateway.host));
    const nothing = { lastSeenMs: 0, locality: undefined, announcedDrain: undefined };
    yield { cluster, reach: 'unknown', gateways, ...nothing };
  }
}

/** Why nothing of a peer is trusted: its ClusterPeer names a trust domain that it cannot have. undefined = that is not so. */
export function otherTrustDomain(
  local: LocalCluster,
  cluster: ClusterName,
  named: NamedPeer | undefined,
): string | undefined {
  if (named?.trustDomain === undefined || !fitsTrustDomain(cluster, local.clusterset)) return undefined;
  const own = clusterTrustDomain(cluster, local.clusterset);
  if (named.trustDomain === own) return undefined;
  return `its ClusterPeer names the trust domain ${named.trustDomain}, and a member of its name has ${own}`;
}

const NOWHERE: Locality = { region: '', zone: '' };

/** Each heartbeat of each peer would be a delta to every gateway; this grain is fine enough to show. */
const LAST_SEEN_GRAIN_MS = 15_000;

/**
 * The snapshot's peers. An unchanged peer keeps its object, unchanged peers keep the map.
 * @param judge how the peer fares now, and whether this cluster drains it
 */
export function assemblePeers(
  local: LocalCluster,
  known: Iterable<KnownPeer>,
  judge: (peer: KnownPeer) => Pick<Peer, 'health' | 'drain'>,
  previous: ReadonlyMap<ClusterName, Peer>,
): ReadonlyMap<ClusterName, Peer> {
  const peers = new Map<ClusterName, Peer>();
  let changed = false;
  for (const found of known) {
    const before = previous.get(found.cluster);
    const after = kept(before, assemblePeer(local, found, judge(found)));
    peers.set(found.cluster, after);
    changed ||= after !== before;
  }
  return changed || peers.size !== previous.size ? peers : previous;
}

function assemblePeer(
  local: LocalCluster,
  found: KnownPeer,
  { health, drain }: Pick<Peer, 'health' | 'drain'>,
): Peer {
  const { announcedDrain } = found;
  return {
    cluster: found.cluster,
    trustDomain: clusterTrustDomain(found.cluster, local.clusterset),
    locality: found.locality ?? NOWHERE,
    gateways: found.gateways,
    reach: found.reach,
    lastSeenMs: found.lastSeenMs,
    health,
    ...(announcedDrain && { announcedDrain }),
    ...(drain && { drain }),
  };
}

function kept(before: Peer | undefined, after: Peer): Peer {
  if (before === undefined) return after;
  const isRecent = after.lastSeenMs - before.lastSeenMs < LAST_SEEN_GRAIN_MS;
  return isRecent && isDeepStrictEqual({ ...before, lastSeenMs: 0 }, { ...after, lastSeenMs: 0 })
    ? before
    : after;
}

/** Nothing of a cluster that has left is trusted any more. */
export function membersAmong(peers: ReadonlyMap<ClusterName, Peer>): readonly ClusterName[] {
  return [...peers.values()].filter(({ reach }) => reach !== 'left').map(({ cluster }) => cluster);
}
