import type { TrunkSight } from '../../federation/failover/standing.ts';
import type { ClusterName } from '../../federation/model/cluster.ts';

const UNSEEN: TrunkSight = { kind: 'unseen' };
const ANSWERS: TrunkSight = { kind: 'answers' };

/**
 * Which peers this gateway can reach, by its own trunks. A loss counts at once; a return counts when the snapshot
 * says so, or by the gateway's own first sight where no federation service can say it (`followed` is false).
 */
export class PeerAvailability {
  readonly #sights = new Map<ClusterName, TrunkSight>();
  readonly #failbacks = new Map<ClusterName, { readonly count: number; readonly healthySinceMs: number }>();
  #followed = false;
  #version = 0;

  /** Changes with every change of what is known: plans made under another version are void. */
  get version(): number {
    return this.#version;
  }

  /** Whether a federation service is there to say when a lost peer is back. */
  get followed(): boolean {
    return this.#followed;
  }

  /** How often a cluster got its full share back. */
  failbacks(): ReadonlyMap<ClusterName, number> {
    return new Map([...this.#failbacks].map(([cluster, { count }]) => [cluster, count]));
  }

  /** A route gives a cluster its full share again; the other routes that do so for the same return do not count. */
  fullyReturned(cluster: ClusterName, healthySinceMs: number): void {
    const before = this.#failbacks.get(cluster);
    if (before !== undefined && before.healthySinceMs >= healthySinceMs) return;
    this.#failbacks.set(cluster, { count: (before?.count ?? 0) + 1, healthySinceMs });
  }

  sight(cluster: ClusterName): TrunkSight {
    return this.#sights.get(cluster) ?? UNSEEN;
  }

  setFollowed(followed: boolean): void {
    if (followed === this.#followed) return;
    this.#followed = followed;
    this.#version++;
  }

  /** The last trunk to it ended without GOAWAY, or stopped answering, or none could be made. Unix ms. */
  peerLost(cluster: ClusterName, nowMs: number): void {
    const { kind } = this.sight(cluster);
    if (kind === 'lost' || kind === 'unreached') return;
    // A cluster that joins is heard of before its gateway can be dialled: it has nothing to be held down for.
    if (kind === 'unseen') this.#set(cluster, { kind: 'unreached', sinceMs: nowMs });
    else this.#set(cluster, { kind: 'lost', lostAtMs: nowMs });
  }

  /** A trunk to it answered (SETTINGS or a PING's acknowledgement). Unix ms; cheap to repeat. */
  peerAnswered(cluster: ClusterName, nowMs: number): void {
    const sight = this.sight(cluster);
    if (sight.kind === 'unseen' || sight.kind === 'unreached') this.#set(cluster, ANSWERS);
    if (sight.kind === 'lost') {
      this.#set(cluster, { kind: 'again', lostAtMs: sight.lostAtMs, answeredAtMs: nowMs });
    }
  }

  /** A new snapshot's peers are in force; those that it no longer has are forgotten. */
  snapshotChanged(known: ReadonlyMap<ClusterName, unknown>): void {
    for (const cluster of this.#sights.keys()) if (!known.has(cluster)) this.#sights.delete(cluster);
    this.#version++;
  }

  #set(cluster: ClusterName, sight: TrunkSight): void {
    this.#sights.set(cluster, sight);
    this.#version++;
  }
}
