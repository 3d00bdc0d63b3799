/** How long a request may take: Gateway API's HTTPRoute timeouts, and idleness. 0 = no bound, undefined = not said. */
export interface RequestTimeouts {
  /** From the first byte of the request to the last of its response. */
  readonly requestMs: number | undefined;
  /** Of one attempt: from its sending to the last byte of its response. */
  readonly backendRequestMs: number | undefined;
  /** Without a byte in either direction. */
  readonly idleMs: number | undefined;
}

/** Longest that each may be, ms. */
export const LONGEST_TIMEOUT_MS = 86_400_000;

/** gRPC's status codes that may be tried again, under Envoy's names (`x-envoy-retry-grpc-on`). */
export const RETRIABLE_GRPC_STATUS = {
  cancelled: 1,
  'deadline-exceeded': 4,
  'resource-exhausted': 8,
  internal: 13,
  unavailable: 14,
} as const satisfies Record<string, number>;

/** What is tried again, under Envoy's names (`x-envoy-retry-on`). */
export const RETRY_CONDITIONS = [
  '5xx',
  'gateway-error',
  'connect-failure',
  'reset',
  'retriable-status-codes',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
] as const;

export type RetryCondition = (typeof RETRY_CONDITIONS)[number];

/** What a service asks for beyond redispatch, which needs no leave. */
export interface RetryPolicy {
  /** Further attempts after the first one. */
  readonly attempts: number;
  readonly on: readonly RetryCondition[];
  /** Statuses of `retriable-status-codes`. */
  readonly statusCodes: readonly number[];
  /**
   * Paths whose requests may be done twice whatever their method, exact or, with a final `*`, by their beginning. Of
   * gRPC methods, which are all POST, only these are tried again after they may have been processed.
   */
  readonly idempotentPaths: readonly string[];
  /** Instead of `backendRequestMs`. */
  readonly perTryTimeoutMs: number | undefined;
  /** Exponential, with full jitter. */
  readonly backoff: { readonly baseMs: number; readonly maxMs: number };
  /** Of a gateway pod's requests under way, how many may be retries at one time. */
  readonly budget: { readonly percent: number; readonly minConcurrency: number };
}

/** Smallest and largest value of each. */
export const RETRY_BOUNDS = {
  attempts: [1, 10],
  statusCodes: [400, 599],
  perTryTimeoutMs: [1, LONGEST_TIMEOUT_MS],
  baseMs: [1, 60_000],
  maxMs: [1, 60_000],
  percent: [0, 100],
  minConcurrency: [0, 10_000],
} as const satisfies Record<string, readonly [number, number]>;

export const MAX_IDEMPOTENT_PATHS = 64;
export const MAX_RETRIABLE_STATUS_CODES = 32;

/** What is left out of a policy's `retries`. */
export const DEFAULT_RETRIES = {
  attempts: 1,
  on: ['connect-failure', 'gateway-error', 'reset'],
  statusCodes: [],
  idempotentPaths: [],
  perTryTimeoutMs: undefined,
  backoff: { baseMs: 25, maxMs: 250 },
  budget: { percent: 20, minConcurrency: 3 },
} as const satisfies RetryPolicy;
