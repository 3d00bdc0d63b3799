/**
 * How many connections and requests one worker of a gateway has to one endpoint (Envoy's circuit breakers, Istio's
 * connectionPool). What is undefined has the default of the port's protocol.
 */
export interface ConnectionPoolPolicy {
  readonly maxConnections: number | undefined;
  /** Requests that wait for a connection. */
  readonly maxPendingRequests: number | undefined;
  /** Requests under way, those that wait included. */
  readonly maxRequests: number | undefined;
  /** After as many a connection is replaced. */
  readonly maxRequestsPerConnection: number | undefined;
  /** For TCP and TLS together. */
  readonly connectTimeoutMs: number | undefined;
  /** How long a connection is kept without a request. */
  readonly idleTimeoutMs: number | undefined;
}

/** Smallest and largest value of each. */
export const CONNECTION_POOL_BOUNDS = {
  maxConnections: [1, 65_535],
  maxPendingRequests: [1, 1_000_000],
  maxRequests: [1, 1_000_000],
  maxRequestsPerConnection: [1, 1_000_000_000],
  connectTimeoutMs: [10, 300_000],
  idleTimeoutMs: [1_000, 86_400_000],
} as const satisfies Record<keyof ConnectionPoolPolicy, readonly [number, number]>;
