/** How many requests a gateway pod lets through: a token bucket of its own for the service, or for each caller. */
export interface RateLimit {
  readonly per: 'service' | 'caller';
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

/** Callers that one worker knows of one limit; who has been away longest is forgotten first, and starts anew. */
export const MAX_LIMITED_CALLERS = 10_000;
