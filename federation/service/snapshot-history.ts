import type { RoutingSnapshot } from '../model/snapshot.ts';
import { type Readable, Watchable } from '../runtime/watchable.ts';

/** A gateway whose connection broke comes back within these many versions; they share what did not change. */
const KEPT = 16;

/** The snapshot in force, and the last ones before it: what a delta can start from. */
export class SnapshotHistory implements Readable<RoutingSnapshot | undefined> {
  readonly #current = new Watchable<RoutingSnapshot | undefined>(undefined);
  /**
   * Whether what a snapshot lacks is surely not there. Until then a gateway that has one of an earlier process keeps it: a
   * service that lost its disk, and cannot hear the others, must not take their services from anybody.
   */
  readonly whole = new Watchable(true);
  #kept: readonly RoutingSnapshot[] = [];
  #held = false;

  /** Whether a gateway was left what it has for that. */
  get isHeld(): boolean {
    return this.#held && !this.whole.value;
  }

  /** @returns whether a gateway that has a snapshot of this epoch (0 = none) is to keep it */
  holds(epoch: number): boolean {
    const isOther = epoch !== 0 && this.value?.epoch !== epoch;
    if (this.whole.value || !isOther) return false;
    this.#held = true;
    return true;
  }

  get value(): RoutingSnapshot | undefined {
    return this.#current.value;
  }

  watch(listener: (snapshot: RoutingSnapshot | undefined) => void): () => void {
    return this.#current.watch(listener);
  }

  publish(snapshot: RoutingSnapshot): void {
    if (snapshot === this.#current.value) return;
    this.#kept = [...this.#kept.slice(1 - KEPT), snapshot];
    this.#current.set(snapshot);
  }

  find(epoch: number, version: number): RoutingSnapshot | undefined {
    return this.#kept.find((snapshot) => snapshot.epoch === epoch && snapshot.version === version);
  }
}
