import type { Clock } from './clock.ts';
import { type Readable, Watchable } from './watchable.ts';

const RETRY_MS = 5000;

/**
 * Writes something to disk some time after it changed, never twice at once. A disk that does not take it stops
 * nobody: the problem is shown, and it is tried again.
 */
export class Saver {
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #write: () => Promise<void>;
  readonly #problem = new Watchable<string | undefined>(undefined);
  #cancel: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();
  #changed = false;
  #closed = false;

  /** @param write puts the newest state on disk; @throws the file system's error */
  constructor(clock: Clock, delayMs: number, write: () => Promise<void>) {
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#write = write;
  }

  /** Why the newest state is not on disk. */
  get problem(): Readable<string | undefined> {
    return this.#problem;
  }

  changed(): void {
    this.#changed = true;
    if (!this.#closed) this.#schedule(this.#delayMs);
  }

  /** Writes at once what is not written yet. @returns whether all is on disk */
  async flush(): Promise<boolean> {
    this.#writing = this.#writing.then(() => this.#save());
    await this.#writing;
    return !this.#changed;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    await this.flush();
  }

  #schedule(delayMs: number): void {
    this.#cancel ??= this.#clock.after(delayMs, () => {
      this.#cancel = undefined;
      this.#writing = this.#writing.then(() => this.#save());
    });
  }

  async #save(): Promise<void> {
    if (!this.#changed) return;
    this.#changed = false;
    try {
      await this.#write();
      this.#problem.set(undefined);
    } catch (failure) {
      this.#changed = true;
      this.#problem.set(failure instanceof Error ? failure.message : String(failure));
      if (!this.#closed) this.#schedule(RETRY_MS);
    }
  }
}
