import type { Clock } from '../runtime/clock.ts';
import { writeDurably } from '../runtime/durable-file.ts';

const RETRY_MS = 5000;

export interface LazyFileOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Asked for when it is written, so that many changes are one write. */
  readonly content: () => string;
  /** Told of a failed write, and with undefined of the next that succeeded. */
  readonly onOutcome: (failure: unknown) => void;
}

/** A file that follows a value in memory some time behind it. A failed write is tried again. */
export class LazyFile {
  readonly #options: LazyFileOptions;
  #cancel: (() => void) | undefined;
  #dirty = false;
  #writing: Promise<void> | undefined;

  constructor(options: LazyFileOptions) {
    this.#options = options;
  }

  /** The value has changed: it is written within `delayMs` unless a write is already due. */
  touch(delayMs: number): void {
    this.#dirty = true;
    this.#cancel ??= this.#options.clock.after(delayMs, () => {
      this.#cancel = undefined;
      this.#writing ??= this.#write();
    });
  }

  /** Writes what is not written yet, and ends. */
  async close(): Promise<void> {
    this.#stop();
    await this.#writing;
    if (this.#dirty) await this.#write();
    this.#stop();
  }

  #stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  async #write(): Promise<void> {
    this.#dirty = false;
    try {
      await writeDurably(this.#options.path, this.#options.content());
      this.#options.onOutcome(undefined);
    } catch (failure) {
      this.#options.onOutcome(failure);
      this.touch(RETRY_MS);
    }
    this.#writing = undefined;
  }
}
