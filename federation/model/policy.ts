import type { ClusterName } from './cluster.ts';
import type { ServiceName } from './service.ts';

/** Which hosts a tier takes: by place relative to the source gateway, or by cluster's name. */
export type TierSelector =
  | { readonly kind: 'same-zone' }
  | { readonly kind: 'same-region' }
  | { readonly kind: 'any' }
  | { readonly kind: 'region'; readonly region: string; readonly zone: string | undefined }
  | { readonly kind: 'clusters'; readonly clusters: readonly WeightedCluster[] };

export interface WeightedCluster {
  readonly cluster: ClusterName;
  readonly weight: number;
}

export interface FailoverTier {
  readonly selector: TierSelector;
  /** Share of traffic (0 to 1) that the tier may take while another tier can take the rest. */
  readonly maxShare: number | undefined;
  /** Requests in flight per gateway pod: the hard bound; overflow goes to the next tier. */
  readonly maxConcurrent: number | undefined;
}

/** How a cluster that failed comes back: held down, then stepped. */
export interface FailbackPolicy {
  readonly holdDownMs: number;
  /** Percent of hosts that must be healthy before the cluster counts as back. */
  readonly minHealthyPercent: number;
  /** Percent of its share, ascending, the last 100. */
  readonly steps: readonly number[];
  readonly intervalMs: number;
}

export interface OutlierPolicy {
  readonly consecutiveFailures: number;
  readonly sweepIntervalMs: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  readonly maxEjectionPercent: number;
}

export type HealthCheckKind =
  | { readonly kind: 'http'; readonly path: string; readonly expectedStatus: readonly number[] }
  | { readonly kind: 'grpc'; readonly service: string }
  | { readonly kind: 'tcp' };

export interface HealthCheckPolicy {
  readonly check: HealthCheckKind;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
}

/** `isthmus.io` FailoverPolicy, defaults filled in. */
export interface FailoverPolicy {
  readonly name: string;
  readonly namespace: string;
  /** Services it attaches to (`targetRefs`), all in its own namespace. */
  readonly targets: readonly ServiceName[];
  readonly tiers: readonly FailoverTier[];
  readonly overprovisioningFactor: number;
  /** Percent; 0 = never panic. */
  readonly panicThresholdPercent: number;
  /** After this long unreachable a cluster's endpoints end, unless a trunk to it answers. */
  readonly staleAfterMs: number;
  readonly failback: FailbackPolicy;
  readonly outlier: OutlierPolicy;
  readonly healthCheck: HealthCheckPolicy | undefined;
}

/**
 * Who may call a service. Evaluated by the authorize stage; no rules at all = everyone. A rule matches what has one of
 * each list that is not empty.
 */
export interface AccessRule {
  readonly action: 'allow' | 'deny';
  /** `audit`: what it would do is told, and not done. */
  readonly mode: 'enforce' | 'audit';
  /** How a caller must be known: by its certificate, or by that or the address of its pod. */
  readonly callerProof: 'mutual-tls' | 'pod-address';
  /** Exact SPIFFE IDs, or prefixes that end in `*`; empty = any caller, anonymous ones included. */
  readonly principals: readonly string[];
  /** Of the caller, in whichever cluster: `/ns/<namespace>/sa/…` of its SPIFFE ID. */
  readonly namespaces: readonly string[];
  /** `<namespace>/<service account>` of the caller, in whichever cluster. */
  readonly serviceAccounts: readonly string[];
  readonly sourceClusters: readonly ClusterName[];
  readonly methods: readonly string[];
  /** Whole, without a query. */
  readonly paths: readonly string[];
  readonly pathPrefixes: readonly string[];
  /** Where it stands; undefined for what nobody wrote. */
  readonly origin: RuleOrigin | undefined;
}

export interface RuleOrigin {
  /** `namespace/name` of the AccessPolicy. */
  readonly policy: string;
  /** Its place there, from 0. */
  readonly rule: number;
}

/** What gateways take; whoever reads policies takes no more. */
export const POLICY_BOUNDS = {
  /** 365 days: of times that have no tighter bound. */
  longestMs: 365 * 24 * 3600 * 1000,
  /** Of numbers that have no tighter bound. */
  mostCounted: 1_000_000_000,
  /** Characters of a policy as JSON, and of all access rules of a service. */
  jsonLength: 262_144,
  /** Access rules of a service, of all its AccessPolicies. */
  rulesPerService: 1000,
  healthCheck: { shortestIntervalMs: 100, shortestTimeoutMs: 10 },
} as const;

/** What a rule says that says nothing more than what it does. */
export const EVERY_REQUEST: Omit<AccessRule, 'action'> = {
  mode: 'enforce',
  callerProof: 'mutual-tls',
  principals: [],
  namespaces: [],
  serviceAccounts: [],
  sourceClusters: [],
  methods: [],
  paths: [],
  pathPrefixes: [],
  origin: undefined,
};

export const DEFAULT_FAILBACK: FailbackPolicy = {
  holdDownMs: 30_000,
  minHealthyPercent: 70,
  steps: [10, 25, 50, 100],
  intervalMs: 10_000,
};

export const DEFAULT_OUTLIER: OutlierPolicy = {
  consecutiveFailures: 5,
  sweepIntervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectionPercent: 10,
};

const DEFAULT_TIERS: readonly FailoverTier[] = [
  { selector: { kind: 'same-zone' }, maxShare: undefined, maxConcurrent: undefined },
  { selector: { kind: 'same-region' }, maxShare: undefined, maxConcurrent: undefined },
  { selector: { kind: 'any' }, maxShare: undefined, maxConcurrent: undefined },
];

/** What holds for a service without a FailoverPolicy: same zone, same region, the rest. */
export const DEFAULT_FAILOVER_POLICY: FailoverPolicy = {
  name: 'default',
  namespace: '',
  targets: [],
  tiers: DEFAULT_TIERS,
  overprovisioningFactor: 1.4,
  panicThresholdPercent: 50,
  staleAfterMs: 300_000,
  failback: DEFAULT_FAILBACK,
  outlier: DEFAULT_OUTLIER,
  healthCheck: undefined,
};
