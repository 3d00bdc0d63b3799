import type { ClusterName } from '../../federation/model/cluster.ts';
import type { TrunkFinding } from '../../federation/wire/health-report.ts';

/** What one worker says of its trunks to one peer. */
export interface TrunkSighting {
  readonly cluster: ClusterName;
  readonly up: boolean;
  /** When it came to this, Unix ms. */
  readonly atMs: number;
  readonly rttSeconds: number;
}

/** What the pod's workers together see of their peers: the newest word about each counts. */
export class PeerSights {
  readonly #findings = new Map<ClusterName, TrunkFinding>();

  /** @returns whether this changes a peer between up and down (or is the first word about it). */
  saw(sighting: TrunkSighting): boolean {
    const { cluster, up, atMs, rttSeconds } = sighting;
    const before = this.#findings.get(cluster);
    if (before !== undefined && before.up === up) {
      this.#findings.set(cluster, { ...before, rttSeconds });
      return false;
    }
    // A worker's word may overtake another's on its way here; the later event wins.
    if (before !== undefined && atMs < before.sinceMs) return false;
    this.#findings.set(cluster, { cluster, up, sinceMs: atMs, rttSeconds });
    return true;
  }

  /** Peers that the snapshot no longer has are forgotten. */
  keepOnly(clusters: ReadonlyMap<ClusterName, unknown>): void {
    for (const cluster of this.#findings.keys()) if (!clusters.has(cluster)) this.#findings.delete(cluster);
  }

  of(cluster: ClusterName): TrunkFinding | undefined {
    return this.#findings.get(cluster);
  }

  get findings(): readonly TrunkFinding[] {
    return [...this.#findings.values()];
  }

  /**
   * How far round trips are from those that were told: `first` where one was not told at all, `some` where one is a
   * millisecond and a tenth off.
   */
  driftFrom(told: readonly TrunkFinding[]): 'none' | 'some' | 'first' {
    const before = new Map(told.map(({ cluster, rttSeconds }) => [cluster, rttSeconds]));
    let drift: 'none' | 'some' = 'none';
    for (const { cluster, up, rttSeconds } of this.#findings.values()) {
      if (!up || rttSeconds === 0) continue;
      const earlier = before.get(cluster) ?? 0;
      if (earlier === 0) return 'first';
      if (Math.abs(rttSeconds - earlier) > Math.max(0.001, earlier / 10)) drift = 'some';
    }
    return drift;
  }
}
