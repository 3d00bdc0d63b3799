import type { ClusterName } from '../model/cluster.ts';
import type { PeerView } from '../store/peer-view.ts';

/** What a process without memory has heard of the other clusters; times are monotonic ms. */
export interface Hearing {
  /** Since when the views have had all that the store has, without a break; undefined = they have not. */
  readonly completeSinceMs: number | undefined;
  /** Whether a cluster that a ClusterPeer names was not heard yet. */
  readonly missing: boolean;
}

/** Publishers look every two seconds whether the store still has their word, and write all of it again where it has not. */
const SETTLE_MS = 10_000;
/** One that is named and says nothing may be gone; what changes in the own cluster cannot wait for it for ever. */
const PATIENCE_MS = 60_000;

/**
 * Whether what is not there is surely not there. A store that was wiped has no members, and so seems complete at once: its
 * members need a moment to write again.
 */
export function isWhole({ completeSinceMs, missing }: Hearing, nowMs: number): boolean {
  return completeSinceMs !== undefined && nowMs - completeSinceMs >= (missing ? PATIENCE_MS : SETTLE_MS);
}

/** What is known of the others now. */
export interface Others {
  readonly views: ReadonlyMap<ClusterName, Pick<PeerView, 'head'>>;
  /** As `PeerSource.complete`. */
  readonly complete: boolean;
}

/** What was heard so far. @param named the other clusters that ClusterPeers name */
export function hear(
  before: Hearing | undefined,
  { views, complete }: Others,
  named: readonly ClusterName[],
  nowMs: number,
): Hearing {
  return {
    completeSinceMs: complete ? (before?.completeSinceMs ?? nowMs) : undefined,
    missing: named.some((cluster) => views.get(cluster)?.head === undefined),
  };
}
