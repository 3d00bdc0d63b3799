import type { RoutingSnapshot } from '../model/snapshot.ts';
import { type Readable, Watchable } from '../runtime/watchable.ts';

/** A gateway whose connection broke comes back within these many versions; they share what did not change. */
const KEPT = 16;

/** The snapshot in force, and the last ones before it: what a delta can start from. */
export class SnapshotHistory implements Readable<RoutingSnapshot | undefined> {
  readonly #current = new Watchable<RoutingSnapshot | undefined>(undefined);
  #kept: readonly RoutingSnapshot[] = [];

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
