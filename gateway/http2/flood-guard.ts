/** `ratePerSecond` on average, `burst` at once. */
export interface RateLimit {
  readonly ratePerSecond: number;
  readonly burst: number;
}

/** What a client may make us do for nothing; a trunk's peer is one of our own and has no such limits. */
export interface FloodLimits {
  /** RST_STREAM received, and those that its own mistakes made us send. */
  readonly resets: RateLimit;
  /** With acknowledgements that nobody waits for. */
  readonly pings: RateLimit;
  /** With their acknowledgements. */
  readonly settings: RateLimit;
  readonly priorities: RateLimit;
  readonly goAways: RateLimit;
  /** Beside ten for each DATA frame that we sent. */
  readonly windowUpdates: RateLimit;
  /** Frames of types that we do not know. */
  readonly unknown: RateLimit;
  readonly consecutiveEmptyData: number;
  /** Answers (PING, SETTINGS, RST_STREAM) that its socket has not taken yet. */
  readonly unsentControlFrames: number;
}

/** As `unsentControlFrames`, of pods and trunks' peers: more than any has that reads at times, and some 200 KB. */
export const MAX_UNSENT_ANSWERS = 10_000;

export type FloodKind =
  | 'resets'
  | 'pings'
  | 'settings'
  | 'priorities'
  | 'goAways'
  | 'windowUpdates'
  | 'unknown';

const WINDOW_UPDATES_PER_DATA = 10;

/** Token buckets, by kind. */
export class FloodGuard {
  readonly #limits: FloodLimits;
  readonly #tokens: Record<FloodKind, number>;
  #refilledAtMs: number;
  #dataFrames = 0;

  constructor(limits: FloodLimits, nowMs: number) {
    this.#limits = limits;
    this.#refilledAtMs = nowMs;
    this.#tokens = {
      resets: limits.resets.burst,
      pings: limits.pings.burst,
      settings: limits.settings.burst,
      priorities: limits.priorities.burst,
      goAways: limits.goAways.burst,
      windowUpdates: limits.windowUpdates.burst,
      unknown: limits.unknown.burst,
    };
  }

  get limits(): FloodLimits {
    return this.#limits;
  }

  /** False when it was one too many. `nowMs` is monotonic and may be coarse. */
  allow(kind: FloodKind, nowMs: number): boolean {
    if (nowMs - this.#refilledAtMs >= 250) this.#refill(nowMs);
    return --this.#tokens[kind] >= 0;
  }

  /** As `allow` for WINDOW_UPDATE; `dataFrames` = DATA frames sent on the connection so far. */
  allowWindowUpdate(nowMs: number, dataFrames: number): boolean {
    const earned = (dataFrames - this.#dataFrames) * WINDOW_UPDATES_PER_DATA;
    this.#dataFrames = dataFrames;
    const most = this.#limits.windowUpdates.burst;
    this.#tokens.windowUpdates = Math.min(most, this.#tokens.windowUpdates + earned);
    return this.allow('windowUpdates', nowMs);
  }

  #refill(nowMs: number): void {
    const seconds = (nowMs - this.#refilledAtMs) / 1000;
    this.#refilledAtMs = nowMs;
    for (const kind of Object.keys(this.#tokens) as FloodKind[]) {
      const { ratePerSecond, burst } = this.#limits[kind];
      this.#tokens[kind] = Math.min(burst, Math.max(0, this.#tokens[kind]) + seconds * ratePerSecond);
    }
  }
}
