import type { FailoverInput } from '../../federation/failover/plan.ts';
import { localStanding, peerStanding, type Standing } from '../../federation/failover/standing.ts';
import type { Candidate } from '../../federation/failover/tier-groups.ts';
import type { ClusterName, Locality } from '../../federation/model/cluster.ts';
import type { PeerHealth, ServiceOffer } from '../../federation/model/snapshot.ts';
import { type LocalHosts, localLocalities, sortLocalHosts } from './local-hosts.ts';
import type { Route } from './route.ts';
import type { RouteTable } from './route-table.ts';

/** What is supposed for a what-if; nothing for the truth. */
export interface Supposition {
  /** Clusters that are supposed to be down. */
  readonly down?: readonly ClusterName[];
  /** Where the source gateway is supposed to stand. */
  readonly from?: Locality;
}

const STEADY: PeerHealth = { kind: 'steady' };

/** The route's own endpoints, sorted by fitness; kept until their pool changes. */
export function currentLocalHosts(route: Route): LocalHosts {
  const { state } = route;
  const known = state.localHosts;
  if (known !== undefined && known.version === state.pool.version) return known;
  const sorted = sortLocalHosts(route.endpoints, state.pool, route.balancing);
  state.localHosts = sorted;
  return sorted;
}

/** Everything that the arithmetic needs to know of a route at a moment. */
export function failoverInput(
  nowMs: number,
  table: RouteTable,
  route: Route,
  supposed: Supposition = {},
): FailoverInput {
  const { local } = table.snapshot;
  const candidates = route.offers.flatMap((offer): Candidate[] => {
    if (offer.cluster === local.name) return [];
    const standing = offerStanding(nowMs, table, route, offer);
    if (standing === undefined) return [];
    return [{ cluster: offer.cluster, local: false, localities: offer.localities, standing }];
  });
  const own = localCandidate(nowMs, table, route);
  return {
    policy: route.failover,
    source: supposed.from ?? local.locality,
    candidates: [...own, ...candidates].map((candidate) => suppose(candidate, supposed)),
  };
}

function localCandidate(nowMs: number, table: RouteTable, route: Route): Candidate[] {
  const { local, drain } = table.snapshot;
  const cluster = local.name;
  const hosts = currentLocalHosts(route);
  if (hosts.everywhere.hosts === 0) return [];
  const offer = route.offers.find((candidate) => candidate.cluster === cluster);
  return [
    {
      cluster,
      local: true,
      localities: localLocalities(hosts, offer?.localities ?? []),
      standing: localStanding(offer?.health ?? STEADY, drain, route.failover, nowMs),
    },
  ];
}

/** undefined for a cluster that the snapshot has no peer for: there is no way to it. */
function offerStanding(
  nowMs: number,
  table: RouteTable,
  route: Route,
  offer: ServiceOffer,
): Standing | undefined {
  const peer = table.snapshot.peers.get(offer.cluster);
  if (peer === undefined) return undefined;
  const { reach, lastSeenMs, health, announcedDrain, drain } = peer;
  const trunk = table.peers.sight(offer.cluster);
  const { followed } = table.peers;
  const word = { reach, lastSeenMs, health, announcedDrain, drain };
  const facts = { ...word, offerHealth: offer.health, trunk, followed };
  return peerStanding(facts, route.failover, nowMs);
}

function suppose(candidate: Candidate, supposed: Supposition): Candidate {
  if (supposed.down?.includes(candidate.cluster) !== true) return candidate;
  return {
    ...candidate,
    standing: {
      kind: 'absent',
      absence: { kind: 'supposed-down' },
      changesAtMs: Number.POSITIVE_INFINITY,
    },
  };
}
