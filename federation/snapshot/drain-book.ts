import { foundDrain, nextDrain } from '../failover/drain.ts';
import type { ClusterName } from '../model/cluster.ts';
import type { Drain, DrainOrder } from '../model/drain.ts';

export type DrainMemory = readonly (readonly [ClusterName, Drain])[];

/** Which clusters are drained here, and which are on their way back from it. The own one is among them. */
export class DrainBook {
  readonly #drains: Map<ClusterName, Drain>;
  /** Looked at before; undefined = all were, by an earlier process that remembered which are drained. */
  readonly #seen: Set<ClusterName> | undefined;
  /** Drains that were there before any look, and so are taken for what they may not be. */
  readonly #supposed = new WeakSet<Drain>();

  /** @param remembered what an earlier process knew; undefined = there was none, or its memory is lost */
  constructor(remembered?: DrainMemory) {
    this.#drains = new Map(remembered);
    this.#seen = remembered === undefined ? new Set() : undefined;
  }

  /** The cluster's drain by what is ordered now; the same object while nothing changes. */
  judge(cluster: ClusterName, order: DrainOrder | undefined, nowMs: number): Drain | undefined {
    const found = order !== undefined && this.#seen?.has(cluster) === false;
    this.#seen?.add(cluster);
    const after = found ? foundDrain(order, nowMs) : nextDrain(this.#drains.get(cluster), order, nowMs);
    if (after === undefined) this.#drains.delete(cluster);
    else this.#drains.set(cluster, after);
    if (found && after !== undefined) this.#supposed.add(after);
    return after;
  }

  /** What a process before this one told of the cluster: it counts where this one has not seen a drain itself. */
  recall(cluster: ClusterName, told: Drain): void {
    const known = this.#drains.get(cluster);
    if (known === undefined || this.#supposed.has(known)) this.#drains.set(cluster, told);
  }

  /** Forgets all others. */
  retain(isKnown: (cluster: ClusterName) => boolean): void {
    for (const cluster of this.#drains.keys()) if (!isKnown(cluster)) this.#drains.delete(cluster);
    for (const cluster of this.#seen ?? []) if (!isKnown(cluster)) this.#seen?.delete(cluster);
  }

  get memory(): DrainMemory {
    return [...this.#drains];
  }
}
