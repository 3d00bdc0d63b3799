import type { ClusterName, GatewayAddress, PeerReach } from '../../../federation/model/cluster.ts';
import type { RouteParent } from '../../../federation/model/mesh-route.ts';
import type { ServiceKey } from '../../../federation/model/service.ts';
import type { Readable } from '../../../federation/runtime/watchable.ts';
import type { ProviderProblem } from '../../provider.ts';

/** A policy that does not hold for one of its targets, because an older one of its kind does. */
export interface LostTarget {
  readonly target: ServiceKey;
  /** `namespace/name` of the one that holds. */
  readonly winner: string;
  /** The field of the loser that holds nevertheless. */
  readonly part: string | undefined;
}

/** A policy that does not hold for one of its targets, because gateways would refuse it. */
export interface RefusedTarget {
  readonly target: ServiceKey;
  readonly fault: string;
}

/** What is to be said of a route at one of its parents. */
export interface ParentVerdict {
  readonly parent: RouteParent;
  readonly conditions: readonly {
    readonly type: string;
    readonly status: boolean;
    readonly reason: string;
    readonly message: string;
  }[];
}

/** What one gateway of this cluster says of its trunk to a peer. */
export interface TrunkSight {
  readonly up: boolean;
  /** Of a ping; 0 = not measured yet. */
  readonly rttSeconds: number;
}

/** What this cluster knows of a peer now. */
export interface PeerSight {
  readonly reach: PeerReach;
  /** Issue time of its newest signed word, Unix ms; 0 = never. */
  readonly lastSeenMs: number;
  /** Why newer word of it was refused. */
  readonly problem: string | undefined;
  /** That is because of its signature. */
  readonly untrusted: boolean;
  readonly gateways: readonly GatewayAddress[];
  /** How many it offers; undefined where nothing of it was ever read. */
  readonly services: number | undefined;
  readonly bundleSequence: number | undefined;
  /** One for each gateway that reports on it. */
  readonly trunks: readonly TrunkSight[];
}

/** How far a cluster is drained, as far as this cluster's gateways are concerned. */
export interface DrainSight {
  /** False on the way back. */
  readonly ordered: boolean;
  /** Of its share, whole percent. */
  readonly takenPercent: number;
  /** Services that it keeps, for no other cluster has a host for them; some of them where there are many. */
  readonly kept: readonly ServiceKey[];
}

/** What holds at one moment. */
export interface StatusSight {
  /** How many gateways of this cluster report. */
  readonly reportingGateways: number;
  readonly storeUp: boolean;
  /** Long enough after the start for gateways and peers to have been heard of: what is not known now is unknown. */
  readonly settled: boolean;
  /** Whether any cluster offers it. */
  hasService(key: ServiceKey): boolean;
  /** Of the version of an object that is in force. @param id `kind/namespace/name` */
  generationOf(id: string): number | undefined;
  /** Why an object cannot be used, and what is in force instead. @param place as the provider calls it */
  problemsAt(place: string): readonly ProviderProblem[];
  /** @param id `kind/namespace/name` of a policy */
  lostTargetsOf(id: string): readonly LostTarget[];
  /** @param id `kind/namespace/name` of a policy */
  refusedTargetsOf(id: string): readonly RefusedTarget[];
  /** @param id `kind/namespace/name` of a route */
  verdictsOf(id: string): readonly ParentVerdict[];
  /** This cluster's name; undefined before the first snapshot. */
  readonly local: ClusterName | undefined;
  /** Of this cluster or a peer; undefined = it has its full share. */
  drainOf(cluster: ClusterName): DrainSight | undefined;
  /** Why nothing of a peer is trusted, by what its own object says; undefined = that is not so. */
  distrustOf(cluster: ClusterName): string | undefined;
  /** undefined = it is not followed. */
  peerOf(cluster: ClusterName): PeerSight | undefined;
}

/** What the federation service knows of what the cluster's objects ask for. */
export interface StatusView {
  /** Only a leader writes. */
  readonly leading: Readable<boolean>;
  /** Everything that there is has been known at one time: what is not there now is not there. */
  readonly complete: Readable<boolean>;
  sight(): StatusSight;
  /** Calls back when an answer may be another one now; at most once a second. */
  watch(listener: () => void): () => void;
}
