import type { ClusterName, Locality } from '../model/cluster.ts';

/** Why a service's requests go where they go: every number on the way, as plain JSON. Times in Unix ms and ms. */
export interface RouteExplanation {
  /** `namespace/name:port name`. */
  readonly target: string;
  readonly atMs: number;
  readonly source: { readonly cluster: ClusterName; readonly locality: Locality };
  /** What was only supposed; empty lists and null for the truth. */
  readonly supposed: { readonly down: readonly ClusterName[]; readonly from: Locality | null };
  readonly policy: ExplainedPolicy;
  readonly clusters: readonly ExplainedCluster[];
  readonly tiers: readonly ExplainedTier[];
  /** N, with caps. */
  readonly availablePercent: number;
  /** N without caps. */
  readonly uncappedPercent: number;
  readonly capsIgnored: boolean;
  readonly totalPanic: boolean;
  /** A tier below the one where the service is at home takes requests. */
  readonly failoverActive: boolean;
  /** The final share of each cluster in percent, biggest first; empty when nothing can be served. */
  readonly shares: readonly { readonly cluster: ClusterName; readonly percent: number }[];
  /** The same in sentences, in order of the tiers. */
  readonly decision: readonly string[];
  /** When the clock alone will change it; null if it will not. */
  readonly changesAtMs: number | null;
}

export interface ExplainedPolicy {
  /** `namespace/name`, or `default`. */
  readonly name: string;
  readonly overprovisioningPercent: number;
  readonly panicThresholdPercent: number;
  readonly staleAfterMs: number;
  readonly failback: {
    readonly holdDownMs: number;
    readonly minHealthyPercent: number;
    readonly steps: readonly number[];
    readonly intervalMs: number;
  };
}

export interface ExplainedCluster {
  readonly cluster: ClusterName;
  readonly local: boolean;
  /** Whether its hosts count at all. */
  readonly counted: boolean;
  /** f in percent; 0 when it is not counted. */
  readonly sharePercent: number;
  /** `steady`, `held-down`, `stepping`, `returned`, `draining`, `drained`, `failing`, `left`, `trunk-lost`, `stale`, `supposed-down`. */
  readonly standing: string;
  /** The same as a sentence. */
  readonly reason: string;
  readonly hosts: number;
  readonly healthy: number;
  readonly degraded: number;
  readonly excluded: number;
  /** How long ago its cluster said what it has; null for the own one, whose endpoints are seen directly. */
  readonly offerAgeMs: number | null;
  /** How long ago its newest verified head was made; null for the own one and where none was read. */
  readonly lastSeenAgeMs: number | null;
  /** `synced`, `unreachable`, `left` or `unknown`; null for the own one. */
  readonly reach: string | null;
  /** `unseen`, `answers`, `lost` or `again`; null for the own one. */
  readonly trunk: string | null;
}

export interface ExplainedTier {
  /** Counts from 1. */
  readonly tier: number;
  readonly selector: string;
  readonly hosts: number;
  readonly healthy: number;
  readonly degraded: number;
  readonly excluded: number;
  readonly maxSharePercent: number;
  readonly capPercent: number;
  /** H. */
  readonly healthyPercent: number;
  /** D. */
  readonly degradedPercent: number;
  readonly panic: boolean;
  readonly loadPercent: number;
  readonly healthyLoadPercent: number;
  readonly degradedLoadPercent: number;
  /** The bound of requests in flight per gateway pod; null without one. */
  readonly maxConcurrent: number | null;
  readonly groups: readonly ExplainedGroup[];
}

/** The hosts of one locality of one cluster. */
export interface ExplainedGroup {
  readonly cluster: ClusterName;
  readonly locality: Locality;
  readonly hosts: number;
  readonly healthy: number;
  readonly degraded: number;
  readonly excluded: number;
  readonly weight: number;
  /** The cluster's weight where the tier names clusters; null elsewhere. */
  readonly clusterWeight: number | null;
  /** f in percent. */
  readonly sharePercent: number;
  /** Its part of all requests, in percent. */
  readonly finalPercent: number;
}
