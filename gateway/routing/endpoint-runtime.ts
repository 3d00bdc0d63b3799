/** What the active checks say of an endpoint. Without a check in the policy it stays `unchecked`. */
export type CheckState = 'unchecked' | 'pending' | 'healthy' | 'unhealthy';

/** Outlier ejection of one endpoint; `count` is how often it was ejected of late, the factor of the next time. */
export type Ejection =
  | { readonly kind: 'in'; readonly count: number }
  | { readonly kind: 'ejected'; readonly count: number; readonly untilMs: number };

/**
 * How a request to an endpoint went, as far as it says something of the endpoint: `failure` is a 5xx, a connect
 * failure or a lost connection, `unknown` a request that the client gave up.
 */
export type Outcome = 'success' | 'failure' | 'unknown';

/** What this worker knows of an endpoint from its own requests and checks. Only routing changes it. */
export interface EndpointRuntime {
  /** Requests under way from this worker. */
  inFlight: number;
  /** Peak EWMA of the latency in ms at `sampledAtMs`; 0 before the first answer. */
  latencyMs: number;
  sampledAtMs: number;
  consecutiveFailures: number;
  check: CheckState;
  ejection: Ejection;
  /** The provider calls it ready or degraded. */
  serving: boolean;
  /** Before the pool's newest version: an address may stand there more than once. */
  servedBefore: boolean;
  /** Of the pool's version in which it was found last. */
  seenIn: number;
  /** When it became usable, Unix ms: the beginning of its slow start. -Infinity for what was there at the start. */
  fitSinceMs: number;
}

const NEVER_EJECTED: Ejection = { kind: 'in', count: 0 };

export function newEndpointRuntime(
  check: CheckState,
  serving = true,
  fitSinceMs: number = Number.NEGATIVE_INFINITY,
): EndpointRuntime {
  return {
    inFlight: 0,
    latencyMs: 0,
    sampledAtMs: 0,
    consecutiveFailures: 0,
    check,
    ejection: NEVER_EJECTED,
    serving,
    servedBefore: serving,
    seenIn: 0,
    fitSinceMs,
  };
}
