import { type BackoffPolicy, backoffMs } from '../../federation/runtime/backoff.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import { WorkQueue } from '../../federation/runtime/work-queue.ts';
import { KubeError } from './kube-error.ts';

export interface KeyedWorkOptions {
  /** Makes what a key stands for as it should be. */
  readonly run: (key: string) => Promise<void>;
  /** Whether trying again does not mend it by itself. */
  readonly isTerminal: (failure: unknown) => boolean;
  readonly clock: Clock;
  /** Gives 0 ≤ x < 1. */
  readonly random: () => number;
  /** What is said of more failing keys than can be told, after their number. */
  readonly andMore: string;
  /** What is wrong, in sentences; told at each change, empty when nothing is. */
  readonly problems: (problems: readonly string[]) => void;
}

/** So many keys are seen to at once: one after the other, a thousand would wait for a thousand round trips. */
const QUEUES = 8;
const BACKOFF: BackoffPolicy = { baseMs: 200, maxMs: 30_000 };
/** What trying again does not mend by itself: somebody has to change something. */
const SLOW: BackoffPolicy = { baseMs: 300_000, maxMs: 300_000 };
const MAX_TOLD = 20;

/**
 * Writing into the API, by key: never twice at once for one, tried again with backoff where it fails, after minutes where
 * only a person can mend it, and told as long as it fails.
 */
export class KeyedWork {
  readonly #options: KeyedWorkOptions;
  readonly #queues: readonly WorkQueue[];
  readonly #failures = new Map<string, string>();
  readonly #slowTries = new Map<string, () => void>();
  #told = '';
  #closed = false;

  constructor(options: KeyedWorkOptions) {
    this.#options = options;
    const { clock, random } = options;
    const onFailure = (key: string, failure: unknown): void => this.#failed(key, failure);
    this.#queues = Array.from(
      { length: QUEUES },
      () => new WorkQueue((key) => this.#run(key), { clock, random, backoff: BACKOFF, onFailure }),
    );
  }

  /** Before its time, where it waits for a later try. */
  add(key: string): void {
    if (this.#closed) return;
    let sum = 0;
    for (let at = 0; at < key.length; at++) sum = (sum * 31 + key.charCodeAt(at)) % 65_521;
    this.#queues[sum % QUEUES]?.add(key);
  }

  /** Whether it failed, and waits for its next try. */
  isFailing(key: string): boolean {
    return this.#failures.has(key);
  }

  /** The API server is back: what it said while it started, that a kind is missing or a right, need not hold. */
  forgive(): void {
    for (const queue of this.#queues) queue.forgive();
    for (const key of [...this.#slowTries.keys()]) this.add(key);
  }

  /** Another replica sees to it now. */
  forgetFailures(): void {
    for (const cancel of this.#slowTries.values()) cancel();
    this.#slowTries.clear();
    this.#failures.clear();
    this.#tell();
  }

  /** Ends after what is being written. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#slowTries.values()) cancel();
    await Promise.all(this.#queues.map((queue) => queue.close()));
  }

  async #run(key: string): Promise<void> {
    this.#slowTries.get(key)?.();
    this.#slowTries.delete(key);
    if (this.#closed) return;
    try {
      await this.#options.run(key);
      if (this.#failures.delete(key)) this.#tell();
    } catch (failure) {
      if (!this.#options.isTerminal(failure)) throw failure;
      this.#failed(key, failure);
      this.#tryMuchLater(key);
    }
  }

  #failed(key: string, failure: unknown): void {
    if (this.#closed) return;
    this.#failures.set(key, failure instanceof Error ? failure.message : String(failure));
    this.#tell();
  }

  #tryMuchLater(key: string): void {
    const { clock, random } = this.#options;
    const delayMs = SLOW.maxMs / 2 + backoffMs(SLOW, 0, random) / 2;
    this.#slowTries.set(
      key,
      clock.after(delayMs, () => this.add(key)),
    );
  }

  #tell(): void {
    const told = [...this.#failures].slice(0, MAX_TOLD).map(([key, message]) => `${key}: ${message}`);
    const more = this.#failures.size - told.length;
    if (more > 0) told.push(`${more} more ${this.#options.andMore}`);
    const text = told.join('\n');
    if (text === this.#told) return;
    this.#told = text;
    this.#options.problems(told);
  }
}

/** Asking again brings the same answer until somebody changes an object, a right, or the kind itself. */
export function isRefusal(failure: unknown): failure is KubeError {
  return failure instanceof KubeError && [400, 401, 403, 404, 405, 413, 415, 422].includes(failure.status);
}
