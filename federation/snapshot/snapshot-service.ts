import { isDeepStrictEqual } from 'node:util';
import type { ServiceExport } from '../import/export-conflict.ts';
import type { MergedService } from '../import/merge.ts';
import { mergeExports } from '../import/merge.ts';
import type { ClusterName } from '../model/cluster.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { AddressGroup } from '../model/flat-network.ts';
import type { ServiceRoute } from '../model/mesh-route.ts';
import { type AccessRule, DEFAULT_FAILOVER_POLICY, type FailoverPolicy } from '../model/policy.ts';
import type { ExportTraits, ServiceName, ServicePort } from '../model/service.ts';
import type { PeerHealth, ServiceOffer, SnapshotService } from '../model/snapshot.ts';
import { DEFAULT_TRAFFIC_POLICY, RING_SIZE, type TrafficPolicy } from '../model/traffic-policy.ts';
import type { MergeResult, ServiceDetails } from './merge-book.ts';

/** All that a service of the snapshot is made of. */
export interface ServiceSources {
  readonly service: ServiceName;
  /** This cluster's. */
  readonly network: string | undefined;
  /** At least one. */
  readonly exports: readonly ServiceExport[];
  /** This cluster's own, when it exports the service. */
  readonly endpoints: readonly Endpoint[];
  readonly failover: FailoverPolicy;
  readonly traffic: TrafficPolicy;
  readonly access: readonly AccessRule[];
  readonly routes: readonly ServiceRoute[] | undefined;
  /** Only routes lead to it: its own are never asked. */
  readonly backendOnly: boolean;
  readonly listenPort: (port: ServicePort) => number | undefined;
  readonly healthOf: (cluster: ClusterName) => PeerHealth;
}

export interface AssembledService {
  readonly service: SnapshotService;
  readonly merge: MergeResult;
}

/** Makes a service of the snapshot; `previous` itself when nothing changed, and of what did the parts that are as they were. */
export function assembleService(
  sources: ServiceSources,
  previous: SnapshotService | undefined,
): AssembledService {
  const merged = mergeExports(sources.exports);
  const ports = merged.ports.map((port) => ({ ...port, listenPort: sources.listenPort(port) }));
  const service: SnapshotService = {
    service: sources.service,
    type: merged.type,
    ports: kept(previous?.ports, ports),
    offers: offers(sources, merged).map((offer, index) => kept(previous?.offers[index], offer)),
    endpoints: sources.endpoints,
    failover: sources.failover,
    traffic: withAffinity(sources.traffic, merged.traits),
    access: sources.access,
    ...(sources.routes === undefined || sources.backendOnly ? {} : { routes: sources.routes }),
    ...(sources.backendOnly ? { backendOnly: true } : {}),
  };
  const unchanged = previous !== undefined && isDeepStrictEqual(previous, service);
  return {
    service: unchanged ? previous : service,
    merge: { conflicts: merged.conflicts, details: details(sources, merged) },
  };
}

/**
 * Of a Service that only routes lead to and gateways would refuse: its name, so that its share of the requests fails, and does
 * not go to what a peer offers by that name. `previous` itself when it says so already.
 */
export function nameOnly(
  { service }: Pick<SnapshotService, 'service'>,
  previous: SnapshotService | undefined,
): SnapshotService {
  return kept<SnapshotService>(previous, {
    service,
    type: 'ClusterSetIP',
    ports: [],
    offers: [],
    endpoints: [],
    failover: DEFAULT_FAILOVER_POLICY,
    traffic: DEFAULT_TRAFFIC_POLICY,
    access: [],
    backendOnly: true,
  });
}

/** Whoever compares versions sees at once what stayed. */
function kept<T extends object>(before: T | undefined, now: T): T {
  return before !== undefined && isDeepStrictEqual(before, now) ? before : now;
}

function details(
  { exports, network }: ServiceSources,
  { type, traits, otherPorts }: MergedService,
): ServiceDetails {
  const addresses = new Map<ClusterName, readonly AddressGroup[]>();
  if (network === undefined || type !== 'Headless') return { traits, otherPorts, addresses };
  for (const { cluster, record } of exports) {
    if (record.addresses?.network === network) addresses.set(cluster, record.addresses.groups);
  }
  return { traits, otherPorts, addresses };
}

/**
 * `sessionAffinity: ClientIP` is a hash of the client's address, which needs no memory and is the same on every gateway; a
 * TrafficPolicy that says how to choose endpoints comes first.
 */
function withAffinity(traffic: TrafficPolicy, { sessionAffinity }: ExportTraits): TrafficPolicy {
  // By identity: who asks for the default asks for it.
  const undecided = traffic.loadBalancing === DEFAULT_TRAFFIC_POLICY.loadBalancing;
  if (sessionAffinity === undefined || !undecided) return traffic;
  return {
    ...traffic,
    loadBalancing: {
      kind: 'ring-hash',
      hashOn: { kind: 'source-address' },
      minimumRingSize: RING_SIZE.minimum,
      maximumRingSize: RING_SIZE.maximum,
    },
  };
}

/** By cluster's name; without those that have no port of the merged service. */
function offers(sources: ServiceSources, merged: MergedService): readonly ServiceOffer[] {
  const found: ServiceOffer[] = [];
  for (const { cluster, record } of sources.exports) {
    const ports = merged.portsOf.get(cluster) ?? [];
    if (ports.length === 0) continue;
    const { localities, changedAtMs } = record;
    const offer = { cluster, localities, changedAtMs, health: sources.healthOf(cluster) };
    found.push(ports.length === merged.ports.length ? offer : { ...offer, ports });
  }
  return found.sort((a, b) => (a.cluster < b.cluster ? -1 : 1));
}
