/** What has a token bucket of its own: the service, each caller, each rule of a route, or each pair of the two. */
export const RATE_LIMIT_SCOPES = ['service', 'caller', 'route', 'route-and-caller'] as const;

export type RateLimitScope = (typeof RATE_LIMIT_SCOPES)[number];

/** How many requests a gateway pod lets through. */
export interface RateLimit {
  readonly per: RateLimitScope;
  /** Tokens that come back in each interval; a request takes one. */
  readonly requests: number;
  readonly intervalMs: number;
  /** As many may come at once. */
  readonly burst: number;
}

/** Smallest and largest value of each. */
export const RATE_LIMIT_BOUNDS = {
  requests: [1, 10_000_000],
  intervalMs: [100, 86_400_000],
  burst: [1, 10_000_000],
} as const satisfies Record<string, readonly [number, number]>;

/** All of them must let a request pass. */
export const MAX_RATE_LIMITS = 8;

/** Buckets that one worker has of one limit; what has been away longest is forgotten first, and starts anew. */
export const MAX_RATE_BUCKETS = 10_000;

/** Those of all limits together, of which the fullest are forgotten first: some 10 MB, and 100 MB if every caller has the longest SPIFFE ID there can be. */
export const MAX_WORKER_RATE_BUCKETS = 50_000;
