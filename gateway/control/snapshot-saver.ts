import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import type { Clock } from '../../federation/runtime/clock.ts';

/**
 * A changed snapshot waits at least this long for the next, so that a busy clusterset does not wear the disk: it may be
 * megabytes, and matters only to the next start.
 */
const MIN_INTERVAL_MS = 15_000;
/** Writing may take at most this share of the time. */
const MAX_WRITING_SHARE = 0.05;

export interface SaverOptions {
  readonly clock: Clock;
  readonly store: (snapshot: RoutingSnapshot) => Promise<void>;
  /** Told when a write failed (and will be tried again), and when one succeeded after that. */
  readonly onResult: (failure: Error | undefined) => void;
}

/** Keeps the newest snapshot on disk: the first one at once, later ones now and then, the last one on close. */
export class SnapshotSaver {
  readonly #options: SaverOptions;
  #waiting: RoutingSnapshot | undefined;
  #writing: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #closed = false;

  constructor(options: SaverOptions) {
    this.#options = options;
  }

  save(snapshot: RoutingSnapshot): void {
    if (this.#closed) return;
    this.#waiting = snapshot;
    if (this.#writing === undefined && this.#cancelTimer === undefined) this.#write();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#writing;
    this.#cancelTimer?.();
    if (this.#waiting !== undefined) await this.#store(this.#waiting);
  }

  #write(): void {
    const snapshot = this.#waiting;
    if (snapshot === undefined) return;
    this.#waiting = undefined;
    const { clock } = this.#options;
    const startMs = clock.monotonic();
    this.#writing = this.#store(snapshot).then((stored) => {
      this.#writing = undefined;
      if (!stored) this.#waiting ??= snapshot;
      const tookMs = clock.monotonic() - startMs;
      this.#cancelTimer = clock.after(Math.max(MIN_INTERVAL_MS, tookMs / MAX_WRITING_SHARE), () => {
        this.#cancelTimer = undefined;
        this.#write();
      });
    });
  }

  /** Never rejects: a full disk must not stop the serving. */
  async #store(snapshot: RoutingSnapshot): Promise<boolean> {
    try {
      await this.#options.store(snapshot);
      this.#options.onResult(undefined);
      return true;
    } catch (error) {
      this.#options.onResult(error instanceof Error ? error : new Error(String(error)));
      return false;
    }
  }
}
