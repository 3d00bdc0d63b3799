import type { Workload } from '../federation/model/caller.ts';
import type { ClusterName, GatewayAddress } from '../federation/model/cluster.ts';
import type { DrainOrder } from '../federation/model/drain.ts';
import type { Endpoint } from '../federation/model/endpoint.ts';
import type { TrustDomain } from '../federation/model/identity.ts';
import type { BackendGrant, MeshRoute } from '../federation/model/mesh-route.ts';
import type { AccessRule, FailoverPolicy } from '../federation/model/policy.ts';
import type {
  ExportTraits,
  OtherPort,
  ServiceKey,
  ServiceName,
  ServicePort,
  ServiceType,
} from '../federation/model/service.ts';
import type { TrafficPolicy } from '../federation/model/traffic-policy.ts';
import type { Readable } from '../federation/runtime/watchable.ts';

/** A service that this cluster's provider (Kubernetes or files) knows. */
export interface ProvidedService extends ExportTraits {
  readonly service: ServiceName;
  readonly type: ServiceType;
  readonly ports: readonly ServicePort[];
  /** Absent = none. */
  readonly otherPorts?: readonly OtherPort[];
  readonly endpoints: readonly Endpoint[];
  /** Creation time of its ServiceExport, Unix ms; undefined when it is not exported. */
  readonly exportedAtMs: number | undefined;
  /** When the provider saw the newest change, Unix ms. */
  readonly changedAtMs: number;
}

/**
 * What a member allows a peer to do here (`ClusterPeer`). A peer without one may offer in every namespace. Under the
 * member's own name only `drain` counts: that of the member itself.
 */
export interface PeerRule {
  readonly cluster: ClusterName;
  /** undefined = all. */
  readonly allowedNamespaces: readonly string[] | undefined;
  /** The only one that it may have; absent = that of its name in the clusterset. */
  readonly trustDomain?: TrustDomain;
  /** Where its gateways are dialled until it says so itself. */
  readonly gateways?: readonly GatewayAddress[];
  readonly drain?: DrainOrder;
}

/** Every service of a namespace where `name` is undefined, every service where `namespace` is too. */
export type AccessTarget = ServiceName | { readonly namespace: string | undefined; readonly name: undefined };

export interface AccessPolicy {
  readonly target: AccessTarget;
  readonly rules: readonly AccessRule[];
}

/** An object that could not be used; `hint` says what is in force instead: its last good version where there is one. */
export interface ProviderProblem {
  /** `file:line` or an object's path. */
  readonly where: string;
  readonly message: string;
  readonly hint: string;
}

export type ProviderChange =
  | { readonly kind: 'service'; readonly key: ServiceKey }
  | { readonly kind: 'policies' }
  /** These addresses are somebody else's, or nobody's, now. */
  | { readonly kind: 'callers'; readonly addresses: readonly string[] }
  | { readonly kind: 'routes' }
  | { readonly kind: 'peers' };

/** Where an object in force comes from. */
export interface ObjectSource {
  /** `file:line` or an object's path. */
  readonly where: string;
  /** `metadata.generation` of the version that is in force; undefined where the object does not say it. */
  readonly generation: number | undefined;
}

/** What a cluster offers. Keys, not events: a listener reads the current state of the key it is told. */
export interface ClusterProvider {
  /** Resolves after the first complete listing. */
  readonly ready: Promise<void>;
  readonly services: ReadonlyMap<ServiceKey, ProvidedService>;
  /** By `kind/namespace/name`, in the order of their precedence: the oldest first (GEP-713). */
  readonly failoverPolicies: ReadonlyMap<string, FailoverPolicy>;
  readonly trafficPolicies: ReadonlyMap<string, TrafficPolicy>;
  readonly accessPolicies: ReadonlyMap<string, AccessPolicy>;
  readonly peerRules: ReadonlyMap<ClusterName, PeerRule>;
  /** HTTPRoutes and GRPCRoutes with a service as a parent, by `kind/namespace/name`. */
  readonly meshRoutes: ReadonlyMap<string, MeshRoute>;
  readonly backendGrants: ReadonlyMap<string, BackendGrant>;
  /** Whose pod has which address, of pods that share theirs with nobody. Undefined = it does not say. */
  readonly callers?: ReadonlyMap<string, Workload>;
  readonly problems: Readable<readonly ProviderProblem[]>;
  /** @param id `kind/namespace/name` of a policy, route or peer */
  sourceOf(id: string): ObjectSource | undefined;
  watch(listener: (change: ProviderChange) => void): () => void;
  close(): Promise<void>;
}
