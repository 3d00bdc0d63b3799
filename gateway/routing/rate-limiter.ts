import { MAX_RATE_BUCKETS, type RateLimit } from '../../federation/model/rate-limit.ts';
import type { BucketLedger, BucketTable } from './bucket-ledger.ts';

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

/** Those of one limit. */
interface Buckets {
  readonly limit: RateLimit;
  readonly rate: BucketRate;
  /** undefined where there is but one. */
  readonly byKey: KeyedBuckets | undefined;
  /** Of the request at hand: which bucket it takes from, looked up once. */
  key: string;
  fullAtMs: number;
}

/** The buckets of one service in one worker. All must have a token, or none is taken. */
export class RateLimiter {
  readonly limits: readonly RateLimit[];
  /** Whether callers need telling apart. */
  readonly byCaller: boolean;
  /** Whether the rules of routes do. */
  readonly byRoute: boolean;
  readonly #buckets: readonly Buckets[];

  /** @param ledger of the worker */
  constructor(limits: readonly RateLimit[], workers: number, ledger: BucketLedger) {
    this.limits = limits;
    this.byCaller = limits.some(({ per }) => per === 'caller' || per === 'route-and-caller');
    this.byRoute = limits.some(({ per }) => per === 'route' || per === 'route-and-caller');
    this.#buckets = limits.map((limit) => ({
      limit,
      rate: bucketRate(limit, workers),
      byKey: limit.per === 'service' ? undefined : new KeyedBuckets(MAX_RATE_BUCKETS, ledger),
      key: '',
      fullAtMs: FULL,
    }));
  }

  /**
   * Takes a token of each bucket; undefined = it may pass.
   * @param nowMs monotonic
   * @param caller what tells callers apart; read only with `byCaller`
   * @param route what tells rules of routes apart; read only with `byRoute`
   */
  take(nowMs: number, caller: string, route: string): Refusal | undefined {
    let refused: Refusal | undefined;
    for (const buckets of this.#buckets) {
      const { byKey, limit, rate } = buckets;
      if (byKey !== undefined) {
        buckets.key = keyOf(limit, caller, route);
        buckets.fullAtMs = byKey.get(buckets.key);
      }
      const missingMs = waitMs(nowMs, buckets.fullAtMs, rate);
      if (missingMs > (refused?.waitMs ?? 0)) refused = { per: limit.per, waitMs: missingMs };
    }
    if (refused !== undefined) return refused;
    for (const buckets of this.#buckets) {
      buckets.fullAtMs = withoutToken(nowMs, buckets.fullAtMs, buckets.rate);
      buckets.byKey?.set(buckets.key, buckets.fullAtMs, nowMs);
    }
    return undefined;
  }
}

/** A caller has no blank. */
function keyOf({ per }: RateLimit, caller: string, route: string): string {
  if (per === 'caller') return caller;
  return per === 'route' ? route : `${caller} ${route}`;
}

/** Fewer than these are not worth a look. */
const MIN_ROOM = 1024;
/** If more of a generation stays, the next look would come too soon. */
const MAX_KEPT_SHARE = 0.9;

/**
 * One number for each caller, rule or pair of both, of `max` at most. Full buckets, such as those of routes that went, are
 * forgotten when there are twice as many as after the last look: it makes no difference, for what is not known is full. Where
 * too many are left there are two generations, so that nothing is moved on each request: when the younger is nearly half of
 * `max`, the elder is forgotten.
 */
export class KeyedBuckets implements BucketTable {
  readonly #half: number;
  readonly #ledger: BucketLedger;
  #room: number;
  #younger = new Map<string, number>();
  #elder = new Map<string, number>();

  constructor(max: number, ledger: BucketLedger) {
    this.#ledger = ledger;
    this.#half = Math.max(1, Math.floor(max / 2));
    this.#room = Math.min(MIN_ROOM, this.#half);
  }

  get size(): number {
    return this.#younger.size + this.#elder.size;
  }

  get(key: string): number {
    return this.#younger.get(key) ?? this.#elder.get(key) ?? FULL;
  }

  set(key: string, fullAtMs: number, nowMs: number): void {
    if (this.#younger.size >= this.#room && !this.#younger.has(key)) this.#makeRoom(nowMs);
    const before = this.#younger.size;
    this.#younger.set(key, fullAtMs);
    if (this.#younger.size > before) this.#ledger.added(this, nowMs);
  }

  forgetFull(nowMs: number): void {
    for (const [key, fullAt] of this.#younger) if (fullAt <= nowMs) this.#younger.delete(key);
    for (const [key, fullAt] of this.#elder) if (fullAt <= nowMs) this.#elder.delete(key);
  }

  forgetHalf(): void {
    const going = Math.ceil(this.size / 2);
    const fullAts = new Float64Array(this.size);
    let at = 0;
    for (const fullAt of this.#elder.values()) fullAts[at++] = fullAt;
    for (const fullAt of this.#younger.values()) fullAts[at++] = fullAt;
    fullAts.sort();
    const bound = fullAts[going] ?? Number.POSITIVE_INFINITY;
    // Of those that are as full as the first that stays, the first that came go.
    let equals = going - Math.max(0, fullAts.indexOf(bound));
    for (const table of [this.#elder, this.#younger]) {
      for (const [key, fullAt] of table) {
        if (fullAt < bound || (fullAt === bound && equals-- > 0)) table.delete(key);
      }
    }
  }

  #makeRoom(nowMs: number): void {
    const before = this.size;
    for (const [key, fullAt] of this.#younger) if (fullAt <= nowMs) this.#younger.delete(key);
    if (this.#younger.size > this.#half * MAX_KEPT_SHARE) {
      this.#elder = this.#younger;
      this.#younger = new Map();
    }
    this.#room = Math.min(this.#half, Math.max(MIN_ROOM, this.#younger.size * 2));
    this.#ledger.removed(before - this.size);
  }
}
