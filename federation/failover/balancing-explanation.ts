import type { Locality } from '../model/cluster.ts';

/** How a gateway chooses among its own cluster's endpoints of a service, as plain JSON. */
export interface BalancingExplanation {
  /** The TrafficPolicy, `namespace/name`, or `default`. */
  readonly policy: string;
  /** As `LoadBalancing` has it, e.g. `power-of-two`. */
  readonly kind: string;
  /** The numbers of its own that the kind has, e.g. `choiceCount`. */
  readonly parameters: Readonly<Record<string, number>>;
  /** What of a request is hashed; null where the kind does not go by a hash. */
  readonly hashOn: ExplainedHashSource | null;
  readonly slowStart: {
    readonly windowMs: number;
    readonly minWeightPercent: number;
    readonly aggression: number;
  } | null;
  /** The same in sentences. */
  readonly decision: readonly string[];
  /** The places of which one is chosen first; empty where the cluster has no endpoint of its own. */
  readonly localities: readonly BalancedLocality[];
}

export interface ExplainedHashSource {
  /** `header`, `cookie` or `source-address`. */
  readonly kind: string;
  /** Of the header or cookie; null for an address. */
  readonly name: string | null;
  /** How long a cookie lives that the gateway sets where there is none; null = none is set. */
  readonly ttlMs: number | null;
}

/** The endpoints among which one choice is made. */
export interface BalancedLocality {
  readonly locality: Locality;
  readonly endpoints: number;
  readonly healthy: number;
  readonly degraded: number;
  /** Slots of the hash table; null where the kind has none. */
  readonly tableSlots: number | null;
  /** Those that are in their slow start now, the newest first. */
  readonly warming: readonly WarmingEndpoint[];
}

export interface WarmingEndpoint {
  /** `ip:port`. */
  readonly address: string;
  /** The part of its weight that it has now. */
  readonly weightPercent: number;
  /** Until it has all of it. */
  readonly warmInMs: number;
}
