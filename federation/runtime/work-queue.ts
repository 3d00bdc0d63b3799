import { type BackoffPolicy, backoffMs } from './backoff.ts';
import type { Clock } from './clock.ts';

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly backoff: BackoffPolicy;
  /** Told of each failed run; the key is run again after its backoff. */
  readonly onFailure: (key: string, failure: unknown, delayMs: number) => void;
}

/**
 * A queue of keys, not events: many changes of one key before its turn are one run, a key never runs twice at
 * once, a change during its run runs it again, and a failed run is repeated with backoff.
 */
export class WorkQueue {
  readonly #waiting = new Set<string>();
  readonly #delayed = new Map<string, () => void>();
  readonly #attempts = new Map<string, number>();
  readonly #options: WorkQueueOptions;
  readonly #run: (key: string) => Promise<void>;
  #working: Promise<void> | undefined;
  #closed = false;

  constructor(run: (key: string) => Promise<void>, options: WorkQueueOptions) {
    this.#run = run;
    this.#options = options;
  }

  add(key: string): void {
    if (this.#closed) return;
    this.#delayed.get(key)?.();
    this.#delayed.delete(key);
    this.#waiting.add(key);
    this.#working ??= this.#drain();
  }

  /** What failed failed for a reason that is over: it runs now, and what fails from now on begins with short waits. */
  forgive(): void {
    this.#attempts.clear();
    for (const key of [...this.#delayed.keys()]) this.add(key);
  }

  /** Ends after the run under way; waiting keys are dropped. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.clear();
    for (const cancel of this.#delayed.values()) cancel();
    this.#delayed.clear();
    await this.#working;
  }

  async #drain(): Promise<void> {
    await Promise.resolve();
    for (const key of this.#waiting) {
      this.#waiting.delete(key);
      await this.#runOnce(key);
    }
    this.#working = undefined;
  }

  async #runOnce(key: string): Promise<void> {
    try {
      await this.#run(key);
      this.#attempts.delete(key);
    } catch (failure) {
      const attempt = this.#attempts.get(key) ?? 0;
      this.#attempts.set(key, attempt + 1);
      const delayMs = backoffMs(this.#options.backoff, attempt, this.#options.random);
      this.#options.onFailure(key, failure, delayMs);
      if (!this.#closed && !this.#waiting.has(key)) {
        this.#delayed.set(
          key,
          this.#options.clock.after(delayMs, () => this.add(key)),
        );
      }
    }
  }
}
