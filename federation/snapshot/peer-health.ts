import type { PeerReach } from '../model/cluster.ts';
import type { PeerHealth } from '../model/snapshot.ts';
import type { TrunkFinding } from '../wire/health-report.ts';

/** What one gateway said of its trunks to one peer. */
export interface TrunkEvidence {
  readonly up: boolean;
  /** The trunk was up at some time in this gateway's life. */
  readonly wasUp: boolean;
  /** When it came to this state by the gateway's clock, Unix ms. */
  readonly sinceMs: number;
}

/** A gateway's clock counts only as far as it agrees with ours. */
const MAX_SKEW_MS = 60_000;

/** The evidence after a report. */
export function nextEvidence(
  before: TrunkEvidence | undefined,
  finding: Pick<TrunkFinding, 'up' | 'sinceMs'>,
): TrunkEvidence {
  return { up: finding.up, wasUp: finding.up || before?.wasUp === true, sinceMs: finding.sinceMs };
}

/** True when the trunk went down and came up again since the last report. */
export function lostBetween(
  before: TrunkEvidence | undefined,
  finding: Pick<TrunkFinding, 'up' | 'sinceMs'>,
): boolean {
  return before?.up === true && finding.up && finding.sinceMs > before.sinceMs;
}

/**
 * The state of a peer after new evidence.
 *
 * - half or more of the gateways that ever had a trunk to it lost theirs: failing at once. A loss of fewer is those
 *   gateways' own affair: each acts on its own sight (`failover/standing.ts`)
 * - its heads are stale and gateways report on it, but none has a trunk: failing
 * - stale heads alone are no failure while a trunk answers, nor while no gateway says anything
 * - more than half of them have trunks: no longer failing, and returning from now on. That time is later
 *   than the loss, or a gateway would not take it for news.
 *
 * `returning` stays when its steps are done: it then means the same as `steady`.
 * @param trunks one for each gateway that reports on the peer
 */
export function nextPeerHealth(
  health: PeerHealth,
  reach: PeerReach,
  trunks: readonly TrunkEvidence[],
  nowMs: number,
): PeerHealth {
  const answering = trunks.filter((trunk) => trunk.up);
  const answered = answering.length > 0;
  const lost = isLostForAll(trunks.filter((trunk) => trunk.wasUp && !trunk.up).length, trunks);
  const silent = reach === 'unreachable' && trunks.length > 0 && !answered;
  if (lost || silent) return health.kind === 'failing' ? health : { kind: 'failing', sinceMs: nowMs };
  if (health.kind !== 'failing' || !answered) return health;
  const upSinceMs = Math.max(...answering.map((trunk) => trunk.sinceMs));
  const latestMs = Math.min(upSinceMs, nowMs + MAX_SKEW_MS);
  return { kind: 'returning', healthySinceMs: Math.max(nowMs, latestMs, health.sinceMs + 1) };
}

/** Whether so many gateways' losses are the whole cluster's; a tie is. A trunk that never was up is no sight. */
export function isLostForAll(losses: number, trunks: readonly TrunkEvidence[]): boolean {
  return losses > 0 && losses * 2 >= trunks.filter((trunk) => trunk.wasUp).length;
}
