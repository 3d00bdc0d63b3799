import type { ServiceKey } from '../../federation/model/service.ts';
import { Standstill } from '../http/standstill.ts';

/** The sweep comes each second: later than this, the process stood still. */
const STANDSTILL_MS = 2_000;

/** What is asked of a pool of endpoints in trouble. */
export interface SweptPool {
  readonly service: ServiceKey;
  /** From now on it is swept; so far it was not. */
  troubleBegins(nowMs: number): void;
  /**
   * The periodic look, each second; little happens until the policy's interval has passed.
   * @returns whether another one is needed
   */
  sweep(nowMs: number): boolean;
  /** What has failed so far does not count. */
  forgive(): void;
  /** Addresses of those that are ejected now. */
  ejected(): Iterable<string>;
}

/**
 * The pools of one worker in which an endpoint has failed or is ejected. Only they need the periodic look: a cluster may
 * have tens of thousands of pools, and to nearly all of them nothing has happened.
 */
export class TroubledPools {
  readonly #pools = new Set<SweptPool>();
  readonly #standstill = new Standstill(STANDSTILL_MS);
  #wokeAtMs = Number.NEGATIVE_INFINITY;

  /** An endpoint of the pool has failed. @returns since when this process has run without standing still, Unix ms */
  failed(pool: SweptPool, nowMs: number): number {
    this.#look(nowMs);
    if (!this.#pools.has(pool)) {
      this.#pools.add(pool);
      pool.troubleBegins(nowMs);
    }
    return this.#wokeAtMs;
  }

  /**
   * The periodic look, each second.
   * @param isRouted whether some route still has the pool
   * @returns those whose trouble is not over
   */
  sweep(nowMs: number, isRouted: (pool: SweptPool) => boolean): Iterable<SweptPool> {
    this.#look(nowMs);
    for (const pool of this.#pools) {
      if (!isRouted(pool) || !pool.sweep(nowMs)) this.#pools.delete(pool);
    }
    return this.#pools;
  }

  /** After a standstill nobody has failed yet. Failures notice it too: they may come before the next sweep. */
  #look(nowMs: number): void {
    if (!this.#standstill.look(nowMs)) return;
    this.#wokeAtMs = nowMs;
    for (const pool of this.#pools) pool.forgive();
  }
}
