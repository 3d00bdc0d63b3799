import type { PeerReach } from '../model/cluster.ts';
import type { Drain } from '../model/drain.ts';
import type { FailbackPolicy } from '../model/policy.ts';
import type { PeerHealth } from '../model/snapshot.ts';
import { drainShare } from './drain.ts';
import {
  type DrainVoice,
  type FailbackPhase,
  type FailbackShare,
  failbackShare,
  smallerShare,
} from './failback.ts';

/** What a gateway saw of its trunks to one peer. Times are Unix ms. */
export type TrunkSight =
  /** No trunk was needed yet, or none has answered yet and none was lost. */
  | { readonly kind: 'unseen' }
  | { readonly kind: 'answers' }
  /** None has ever answered: not there yet, which is no loss to come back from. */
  | { readonly kind: 'unreached'; readonly sinceMs: number }
  | { readonly kind: 'lost'; readonly lostAtMs: number }
  /** It was lost and answers again. */
  | { readonly kind: 'again'; readonly lostAtMs: number; readonly answeredAtMs: number };

/** Why a cluster's hosts count as none. */
export type Absence =
  | { readonly kind: 'left' }
  | { readonly kind: 'failing'; readonly sinceMs: number }
  | { readonly kind: 'trunk-lost'; readonly sinceMs: number }
  /** Nothing new of it for longer than `staleAfter`, and no trunk to it answers. */
  | { readonly kind: 'stale'; readonly lastSeenMs: number }
  /** A what-if supposes that it is down. */
  | { readonly kind: 'supposed-down' };

/** Whether a cluster's hosts count for a service at a moment, and for how much of their share. */
export type Standing =
  | {
      readonly kind: 'counted';
      /** f in percent. */
      readonly sharePercent: number;
      readonly phase: FailbackPhase;
      /** When the clock alone changes it, Unix ms. */
      readonly changesAtMs: number;
    }
  | { readonly kind: 'absent'; readonly absence: Absence; readonly changesAtMs: number };

/** What is known of a peer where its standing is decided. */
export interface PeerFacts {
  readonly reach: PeerReach;
  readonly lastSeenMs: number;
  readonly health: PeerHealth;
  /** Of the one service that the peer offers. */
  readonly offerHealth: PeerHealth;
  /** By its own word, which holds for everybody. */
  readonly announcedDrain?: Drain;
  /** By an order of the cluster that looks. */
  readonly drain?: Drain;
  readonly trunk: TrunkSight;
  /** Whether a federation service is there to say when a lost peer is back. */
  readonly followed: boolean;
}

export interface StandingRules {
  readonly failback: FailbackPolicy;
  readonly staleAfterMs: number;
}

/**
 * A lost peer comes back when the snapshot says so. Where it says nothing for this long after the trunk answered
 * again, the gateway's own sight of it counts: a federation service that never heard of the loss, or whose clock
 * is behind, must not keep a healthy peer out for ever.
 */
export const SNAPSHOT_PATIENCE_MS = 10_000;

const NEVER = Number.POSITIVE_INFINITY;

/** The own cluster is always there; only its service's own way back counts, and a drain of the cluster. */
export function localStanding(
  offerHealth: PeerHealth,
  drain: Drain | undefined,
  rules: StandingRules,
  nowMs: number,
): Standing {
  const offer = failbackShare(offerHealth, rules.failback, nowMs);
  return counted(afterDrain(offer, drain, 'itself', rules, nowMs));
}

export function peerStanding(facts: PeerFacts, rules: StandingRules, nowMs: number): Standing {
  if (facts.reach === 'left') return absent({ kind: 'left' });
  if (facts.health.kind === 'failing') return absent({ kind: 'failing', sinceMs: facts.health.sinceMs });
  const health = healthBySight(facts, nowMs);
  if (health.kind === 'failing') {
    return absent({ kind: 'trunk-lost', sinceMs: health.sinceMs }, patienceEndsMs(facts));
  }
  const staleAtMs = staleDeadlineMs(facts, rules);
  if (nowMs >= staleAtMs) return absent({ kind: 'stale', lastSeenMs: facts.lastSeenMs });
  const peer = failbackShare(health, rules.failback, nowMs);
  const offer = failbackShare(facts.offerHealth, rules.failback, nowMs);
  const announced = afterDrain(smallerShare(peer, offer), facts.announcedDrain, 'itself', rules, nowMs);
  const share = afterDrain(announced, facts.drain, 'here', rules, nowMs);
  return counted({ ...share, changesAtMs: Math.min(share.changesAtMs, staleAtMs) });
}

function afterDrain(
  share: FailbackShare,
  drain: Drain | undefined,
  by: DrainVoice,
  { failback }: StandingRules,
  nowMs: number,
): FailbackShare {
  if (drain === undefined) return share;
  const left = drainShare(drain, by, failback, nowMs);
  // On its way down both may have all: then a drain is what there is to tell.
  return left.phase.kind === 'draining' ? smallerShare(left, share) : smallerShare(share, left);
}

/** The snapshot's word, unless the own trunks saw a loss that it does not know of yet. */
function healthBySight(facts: PeerFacts, nowMs: number): PeerHealth {
  const { trunk, health } = facts;
  if (trunk.kind === 'unseen' || trunk.kind === 'answers') return health;
  if (trunk.kind === 'unreached') return { kind: 'failing', sinceMs: trunk.sinceMs };
  // The others may reach it: this gateway does not, and when it does again its own hold-down begins.
  if (trunk.kind === 'lost') return { kind: 'failing', sinceMs: trunk.lostAtMs };
  if (health.kind === 'returning' && health.healthySinceMs > trunk.lostAtMs) {
    return { ...health, healthySinceMs: Math.max(health.healthySinceMs, trunk.answeredAtMs) };
  }
  if (nowMs < patienceEndsMs(facts)) {
    return { kind: 'failing', sinceMs: trunk.lostAtMs };
  }
  return { kind: 'returning', healthySinceMs: trunk.answeredAtMs };
}

/** From when on the own sight of a trunk that answers again counts; Infinity while none does. */
function patienceEndsMs(facts: PeerFacts): number {
  if (facts.trunk.kind !== 'again') return NEVER;
  return facts.trunk.answeredAtMs + (facts.followed ? SNAPSHOT_PATIENCE_MS : 0);
}

function staleDeadlineMs(facts: PeerFacts, rules: StandingRules): number {
  const answers = facts.trunk.kind === 'answers' || facts.trunk.kind === 'again';
  return facts.reach === 'unreachable' && !answers ? facts.lastSeenMs + rules.staleAfterMs : NEVER;
}

function counted(share: FailbackShare): Standing {
  return {
    kind: 'counted',
    sharePercent: share.percent,
    phase: share.phase,
    changesAtMs: share.changesAtMs,
  };
}

function absent(absence: Absence, changesAtMs: number = NEVER): Standing {
  return { kind: 'absent', absence, changesAtMs };
}
