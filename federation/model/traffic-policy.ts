import type { ConnectionPoolPolicy } from './connection-pool.ts';
import type { FaultInjection } from './fault-injection.ts';
import type { RateLimit } from './rate-limit.ts';
import type { RequestTimeouts, RetryPolicy } from './request-policy.ts';
import type { ServiceName } from './service.ts';
import type { UpstreamTls } from './upstream-tls.ts';

/** What of a request is hashed, so that the same client comes to the same endpoint. */
export type HashSource =
  /** The first field of this name, which is in lower case. */
  | { readonly kind: 'header'; readonly name: string }
  | {
      readonly kind: 'cookie';
      readonly name: string;
      /** Where a cookie that the gateway sets is valid. */
      readonly path: string;
      /** How long a cookie lives that the gateway sets where there is none; 0 = the session, undefined = none is set. */
      readonly ttlMs: number | undefined;
    }
  /** The client's IP address, without the port. */
  | { readonly kind: 'source-address' };

/** How an endpoint's share grows after it came (Envoy's slow start mode). */
export interface SlowStart {
  readonly windowMs: number;
  /** What it begins with, in percent of its weight. */
  readonly minWeightPercent: number;
  /** 1 = linear; higher grows faster at the beginning. */
  readonly aggression: number;
}

export interface RingHash {
  readonly kind: 'ring-hash';
  readonly hashOn: HashSource;
  /** Entries, all endpoints of a locality together. */
  readonly minimumRingSize: number;
  readonly maximumRingSize: number;
}

export interface Maglev {
  readonly kind: 'maglev';
  readonly hashOn: HashSource;
  /** A prime number. */
  readonly tableSize: number;
}

export interface LeastRequest {
  readonly kind: 'least-request';
  /** How many endpoints are looked at for one request. */
  readonly choiceCount: number;
  /** How much requests in flight count against an endpoint's weight where weights differ; 0 = not at all. */
  readonly activeRequestBias: number;
  readonly slowStart: SlowStart | undefined;
}

/** How a gateway chooses among the equally fit endpoints of a locality. */
export type LoadBalancing =
  | { readonly kind: 'power-of-two' | 'round-robin' | 'random'; readonly slowStart: SlowStart | undefined }
  | LeastRequest
  | RingHash
  | Maglev;

/** `isthmus.io` TrafficPolicy, defaults filled in. */
export interface TrafficPolicy {
  readonly name: string;
  readonly namespace: string;
  /** Services it attaches to (`targetRefs`), all in its own namespace. */
  readonly targets: readonly ServiceName[];
  readonly loadBalancing: LoadBalancing;
  /** Towards this cluster's own pods; undefined = plaintext. */
  readonly upstreamTls: UpstreamTls | undefined;
  /** undefined = all defaults. */
  readonly connectionPool: ConnectionPoolPolicy | undefined;
  /** undefined = what holds for all services. */
  readonly timeouts: RequestTimeouts | undefined;
  /** undefined = nothing is retried. */
  readonly retries: RetryPolicy | undefined;
  /** undefined = none. */
  readonly rateLimits: readonly RateLimit[] | undefined;
  readonly faultInjection: FaultInjection | undefined;
}

export const DEFAULT_SLOW_START: SlowStart = { windowMs: 30_000, minWeightPercent: 10, aggression: 1 };

export const DEFAULT_CHOICE_COUNT = 2;
export const DEFAULT_ACTIVE_REQUEST_BIAS = 1;

/** Envoy's bounds but for the default maximum, which Envoy has at 8M: building so many would stop a worker for seconds. */
export const RING_SIZE = { minimum: 1024, maximum: 65_536, atMost: 8_388_608 } as const;

/** The paper's small table; the bounds are Envoy's, but that fewer than 100 slots say nothing of any share. */
export const MAGLEV_TABLE_SIZE = { default: 65_537, atLeast: 101, atMost: 5_000_011 } as const;

/** What holds for a service without a TrafficPolicy. */
export const DEFAULT_TRAFFIC_POLICY: TrafficPolicy = {
  name: 'default',
  namespace: '',
  targets: [],
  loadBalancing: { kind: 'power-of-two', slowStart: undefined },
  upstreamTls: undefined,
  connectionPool: undefined,
  timeouts: undefined,
  retries: undefined,
  rateLimits: undefined,
  faultInjection: undefined,
};

export function hashSourceOf(loadBalancing: LoadBalancing): HashSource | undefined {
  return 'hashOn' in loadBalancing ? loadBalancing.hashOn : undefined;
}

/** Trial division; for table sizes, which are small. */
export function isPrime(value: number): boolean {
  if (!Number.isSafeInteger(value) || value < 2) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return true;
}
