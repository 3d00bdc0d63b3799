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
 * - a gateway lost a trunk that it had: failing at once
 * - its heads are stale and gateways report on it, but none has a trunk: failing
 * - stale heads alone are no failure while a trunk answers, nor while no gateway says anything
 * - all gateways that report on it have trunks: no longer failing, and returning from now on. That time is later
 *   than each gateway's loss, or a gateway would not take it for news.
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
  const lost = trunks.some((trunk) => trunk.wasUp && !trunk.up);
  const answered = trunks.some((trunk) => trunk.up);
  const silent = reach === 'unreachable' && trunks.length > 0 && !answered;
  if (lost || silent) return health.kind === 'failing' ? health : { kind: 'failing', sinceMs: nowMs };
  if (health.kind !== 'failing' || !answered || trunks.some((trunk) => !trunk.up)) return health;
  const upSinceMs = Math.max(...trunks.map((trunk) => trunk.sinceMs));
  const latestMs = Math.min(upSinceMs, nowMs + MAX_SKEW_MS);
  return { kind: 'returning', healthySinceMs: Math.max(nowMs, latestMs, health.sinceMs + 1) };
}
