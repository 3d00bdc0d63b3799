/** The times a trunk lives by, all in ms. */
export interface TrunkTiming {
  /** For TCP and TLS together, for each gateway address: a stopped peer's kernel still accepts TCP. */
  readonly connectTimeoutMs: number;
  readonly pingIntervalMs: number;
  /** Without a byte from the peer, the trunk's connection is lost. */
  readonly silenceMs: number;
  /** Without a stream, unless the trunk is kept warm. */
  readonly idleMs: number;
  /** A connection lives at most this long, less up to a tenth, so that new gateways of the peer get their share. */
  readonly maxAgeMs: number;
  /** How often all this is looked at. */
  readonly tickMs: number;
}

export const TRUNK_TIMING: TrunkTiming = {
  connectTimeoutMs: 2_000,
  pingIntervalMs: 1_000,
  silenceMs: 3_000,
  idleMs: 300_000,
  maxAgeMs: 3_600_000,
  tickMs: 100,
};
