import { MAX_LIMITED_CALLERS, type RateLimit } from '../../federation/model/rate-limit.ts';

/**
 * A token bucket as one number, the time when it will be full again (the "theoretical arrival time" of GCRA, ATM Forum
 * Traffic Management 4.0 section 4.4.2): what was never asked is full.
 */
export interface BucketRate {
  /** In which one token comes back, ms. */
  readonly tokenMs: number;
  /** In which an empty bucket fills, ms. */
  readonly capacityMs: number;
}

const FULL = Number.NEGATIVE_INFINITY;
/** Sums of fractions of a millisecond must not cost a token. */
const ROUNDING_MS = 1e-6;

/** A pod's limit, shared equally by its workers; each may always let one request through. */
export function bucketRate({ requests, intervalMs, burst }: RateLimit, workers: number): BucketRate {
  const tokenMs = (intervalMs * workers) / requests;
  return { tokenMs, capacityMs: tokenMs * Math.max(1, burst / workers) };
}

/** How long until a token is there, ms; 0 = now. */
export function waitMs(nowMs: number, fullAtMs: number, { tokenMs, capacityMs }: BucketRate): number {
  const missingMs = Math.max(0, fullAtMs - nowMs) + tokenMs - capacityMs;
  return missingMs <= ROUNDING_MS ? 0 : missingMs;
}

/** When the bucket is full again once a token is taken from it. */
export function withoutToken(nowMs: number, fullAtMs: number, { tokenMs }: BucketRate): number {
  return Math.max(nowMs, fullAtMs) + tokenMs;
}

export interface Refusal {
  readonly per: RateLimit['per'];
  /** Until all buckets that were empty have a token, ms. */
  readonly waitMs: number;
}

/** Which bucket of a limit a request takes from. */
type Buckets = { readonly limit: RateLimit; readonly rate: BucketRate } & (
  | { readonly kind: 'service'; fullAtMs: number }
  | { readonly kind: 'caller'; readonly callers: CallerBuckets }
);

/** The buckets of one service in one worker. All must have a token, or none is taken. */
export class RateLimiter {
  readonly limits: readonly RateLimit[];
  /** Whether callers need telling apart. */
  readonly byCaller: boolean;
  readonly #buckets: readonly Buckets[];

  constructor(limits: readonly RateLimit[], workers: number, maxCallers = MAX_LIMITED_CALLERS) {
    this.limits = limits;
    this.byCaller = limits.some(({ per }) => per === 'caller');
    this.#buckets = limits.map((limit): Buckets => {
      const rate = bucketRate(limit, workers);
      if (limit.per === 'service') return { kind: 'service', limit, rate, fullAtMs: FULL };
      return { kind: 'caller', limit, rate, callers: new CallerBuckets(maxCallers) };
    });
  }

  /**
   * Takes a token of each bucket; undefined = it may pass.
   * @param nowMs monotonic
   * @param caller what tells callers apart; read only with `byCaller`
   */
  take(nowMs: number, caller: string): Refusal | undefined {
    let refused: Refusal | undefined;
    for (const buckets of this.#buckets) {
      const missingMs = waitMs(nowMs, fullAtMs(buckets, caller), buckets.rate);
      if (missingMs > (refused?.waitMs ?? 0)) refused = { per: buckets.limit.per, waitMs: missingMs };
    }
    if (refused !== undefined) return refused;
    for (const buckets of this.#buckets) {
      const next = withoutToken(nowMs, fullAtMs(buckets, caller), buckets.rate);
      if (buckets.kind === 'service') buckets.fullAtMs = next;
      else buckets.callers.set(caller, next);
    }
    return undefined;
  }
}

function fullAtMs(buckets: Buckets, caller: string): number {
  return buckets.kind === 'service' ? buckets.fullAtMs : buckets.callers.get(caller);
}

/**
 * One number for each caller, of `max` callers at most. In two generations, so that nothing is moved on each request:
 * when the younger is half of `max`, the elder is forgotten. Who is forgotten starts with a full bucket.
 */
export class CallerBuckets {
  readonly #half: number;
  #younger = new Map<string, number>();
  #elder = new Map<string, number>();

  constructor(max: number) {
    this.#half = Math.max(1, Math.floor(max / 2));
  }

  get size(): number {
    return this.#younger.size + this.#elder.size;
  }

  get(caller: string): number {
    return this.#younger.get(caller) ?? this.#elder.get(caller) ?? FULL;
  }

  set(caller: string, fullAt: number): void {
    if (this.#younger.size >= this.#half && !this.#younger.has(caller)) {
      this.#elder = this.#younger;
      this.#younger = new Map();
    }
    this.#younger.set(caller, fullAt);
  }
}
