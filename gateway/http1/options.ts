/** How an HTTP/1 connection behaves: limits and times. */
export interface Http1Options {
  readonly maxFields: number;
  readonly maxHeadBytes: number;
  /** Bytes read and not yet taken by the other side, past which reading pauses. */
  readonly readWindowBytes: number;
  /** Unsent bytes past which a body is held. */
  readonly highWaterBytes: number;
  /** For a request's head to become complete; for a server's first one from the connection's start. */
  readonly headTimeoutMs: number;
  /** Between requests, or without any progress of one. */
  readonly idleTimeoutMs: number;
  /** Without progress although something waits to be sent; 0 = never. */
  readonly flushTimeoutMs: number;
}

const KIB = 1024;

export const EDGE_HTTP1: Http1Options = {
  maxFields: 100,
  maxHeadBytes: 60 * KIB,
  readWindowBytes: 256 * KIB,
  highWaterBytes: 256 * KIB,
  headTimeoutMs: 10_000,
  idleTimeoutMs: 300_000,
  flushTimeoutMs: 300_000,
};

/** Towards pods: how long an answer may take is the engine's matter. */
export const UPSTREAM_HTTP1: Http1Options = {
  ...EDGE_HTTP1,
  headTimeoutMs: 0,
  idleTimeoutMs: 0,
  flushTimeoutMs: 0,
};
