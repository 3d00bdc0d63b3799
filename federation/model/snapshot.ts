import type { CallerGroup, CallerGroupKey } from './caller.ts';
import type { ClusterName, GatewayAddress, LocalCluster, Locality, PeerReach } from './cluster.ts';
import type { Drain } from './drain.ts';
import type { Endpoint } from './endpoint.ts';
import type { TrustDomain } from './identity.ts';
import type { ServiceRoute } from './mesh-route.ts';
import type { AccessRule, FailoverPolicy } from './policy.ts';
import {
  backendKey,
  type LocalityHosts,
  type ServiceKey,
  type ServiceName,
  type ServicePort,
  type ServiceType,
  serviceKey,
} from './service.ts';
import type { TrafficPolicy } from './traffic-policy.ts';

/**
 * One immutable picture of everything a gateway needs. The federation service builds it, the gateway only reads
 * it. A later snapshot of the same epoch has a higher version; a federation service that restarts takes a new,
 * higher epoch (of the time of its start, and of chance: each replica's is another).
 */
export interface RoutingSnapshot {
  readonly epoch: number;
  readonly version: number;
  readonly createdAtMs: number;
  readonly local: LocalCluster;
  readonly peers: ReadonlyMap<ClusterName, Peer>;
  readonly services: ReadonlyMap<ServiceKey, SnapshotService>;
  /** By trust domain: the roots (DER) that may vouch for it. An empty list = trust nothing of that domain. */
  readonly trustBundles: ReadonlyMap<TrustDomain, readonly Uint8Array[]>;
  /** Whose pods have which addresses in this cluster; undefined = the provider does not say. */
  readonly callers?: ReadonlyMap<CallerGroupKey, CallerGroup>;
  /** Of this cluster as a whole; its peers know it as `announcedDrain`. */
  readonly drain?: Drain;
}

/** Another member of the clusterset. */
export interface Peer {
  readonly cluster: ClusterName;
  readonly trustDomain: TrustDomain;
  readonly locality: Locality;
  readonly gateways: readonly GatewayAddress[];
  readonly reach: PeerReach;
  /** Issue time of its newest verified head, Unix ms; 0 when none was read. */
  readonly lastSeenMs: number;
  readonly health: PeerHealth;
  /** What the peer says of itself, to everybody. */
  readonly announcedDrain?: Drain;
  /** What this cluster has ordered for itself. */
  readonly drain?: Drain;
}

/** Whether a peer as a whole may take traffic, as its neighbours' federation service judges it. */
export type PeerHealth =
  /** Never seen failing: has its full share from the start. */
  | { readonly kind: 'steady' }
  | { readonly kind: 'failing'; readonly sinceMs: number }
  /** Came back: its share grows by the failback policy's steps from this time on, Unix ms. */
  | { readonly kind: 'returning'; readonly healthySinceMs: number };

/**
 * A service that is reachable through this cluster's gateway: exported here, imported from peers, or both; or one that
 * only routes lead to.
 */
export interface SnapshotService {
  readonly service: ServiceName;
  readonly type: ServiceType;
  readonly ports: readonly SnapshotPort[];
  /** One per cluster that offers it, this one included (then with the hosts that the provider sees). */
  readonly offers: readonly ServiceOffer[];
  /** This cluster's own endpoints; empty when it does not offer the service. */
  readonly endpoints: readonly Endpoint[];
  readonly failover: FailoverPolicy;
  readonly traffic: TrafficPolicy;
  readonly access: readonly AccessRule[];
  /** Attached to it, in the order of their precedence; without any every request goes to the service itself. */
  readonly routes?: readonly ServiceRoute[];
  /**
   * This cluster has it and does not export it, and its routes name it as a backend. It is of this cluster alone, no name and no trunk
   * leads to it, and no port is opened for it.
   */
  readonly backendOnly?: true;
}

/** What it is known by in a snapshot. */
export function snapshotKey({
  service,
  backendOnly,
}: Pick<SnapshotService, 'service' | 'backendOnly'>): ServiceKey {
  const key = serviceKey(service);
  return backendOnly ? backendKey(key) : key;
}

export interface SnapshotPort extends ServicePort {
  /** The port that every gateway replica of this cluster listens on for it; undefined until allocated. */
  readonly listenPort: number | undefined;
}

/** What one cluster has of a service. */
export interface ServiceOffer {
  readonly cluster: ClusterName;
  readonly localities: readonly LocalityHosts[];
  /** When its cluster said so (the record's `changedAtMs`), Unix ms: age = now - this. */
  readonly changedAtMs: number;
  /** When a service whose hosts had all failed in this cluster became healthy again; undefined = never failed. */
  readonly health: PeerHealth;
  /** Names of the service's ports that this cluster has; undefined = all of them. */
  readonly ports?: readonly string[];
}
