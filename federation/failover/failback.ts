import type { FailbackPolicy } from '../model/policy.ts';
import type { PeerHealth } from '../model/snapshot.ts';

/** Who ordered a drain: the cluster that is drained, for everybody, or the one that looks, for itself. */
export type DrainVoice = 'itself' | 'here';

/** Where something that may have failed stands on its way back. Times are Unix ms. */
export type FailbackPhase =
  /** Never seen failing: has its full share from the start. */
  | { readonly kind: 'steady' }
  | { readonly kind: 'failing'; readonly sinceMs: number }
  | { readonly kind: 'held-down'; readonly healthySinceMs: number; readonly untilMs: number }
  /** `step` counts from 1. */
  | {
      readonly kind: 'stepping';
      readonly healthySinceMs: number;
      readonly step: number;
      readonly steps: number;
      readonly nextAtMs: number;
    }
  | { readonly kind: 'returned'; readonly healthySinceMs: number }
  /** A drain takes its share away, from `sinceMs` to `untilMs`. */
  | {
      readonly kind: 'draining';
      readonly by: DrainVoice;
      readonly sinceMs: number;
      readonly untilMs: number;
    }
  /** A drain has taken all of it away since then. */
  | { readonly kind: 'drained'; readonly by: DrainVoice; readonly sinceMs: number };

/** f of one cluster: how many percent of its share it gets now, why, and when that changes by the clock alone. */
export interface FailbackShare {
  readonly percent: number;
  readonly phase: FailbackPhase;
  /** Unix ms; Infinity when time alone changes nothing. */
  readonly changesAtMs: number;
}

const NEVER = Number.POSITIVE_INFINITY;
const STEADY: FailbackShare = { percent: 100, phase: { kind: 'steady' }, changesAtMs: NEVER };

/** The share comes from the health's own time and the clock, so whoever has the snapshot agrees on it. */
export function failbackShare(health: PeerHealth, policy: FailbackPolicy, nowMs: number): FailbackShare {
  switch (health.kind) {
    case 'steady':
      return STEADY;
    case 'failing':
      return { percent: 0, phase: { kind: 'failing', sinceMs: health.sinceMs }, changesAtMs: NEVER };
    case 'returning':
      return returningShare(health.healthySinceMs, policy, nowMs);
  }
}

/** Which of two limits the share more; on a tie the first. Either may be the next to change. */
export function smallerShare(first: FailbackShare, second: FailbackShare): FailbackShare {
  const smaller = second.percent < first.percent ? second : first;
  return {
    percent: smaller.percent,
    phase: smaller.phase,
    changesAtMs: Math.min(first.changesAtMs, second.changesAtMs),
  };
}

function returningShare(healthySinceMs: number, policy: FailbackPolicy, nowMs: number): FailbackShare {
  const firstStepMs = healthySinceMs + policy.holdDownMs;
  if (nowMs < firstStepMs) {
    const phase: FailbackPhase = { kind: 'held-down', healthySinceMs, untilMs: firstStepMs };
    return { percent: 0, phase, changesAtMs: firstStepMs };
  }
  const last = policy.steps.length - 1;
  const index = stepAt(nowMs - firstStepMs, policy.intervalMs, last);
  const percent = policy.steps[index] ?? 100;
  if (index >= last) return { percent, phase: { kind: 'returned', healthySinceMs }, changesAtMs: NEVER };
  const nextAtMs = firstStepMs + (index + 1) * policy.intervalMs;
  const phase: FailbackPhase = {
    kind: 'stepping',
    healthySinceMs,
    step: index + 1,
    steps: policy.steps.length,
    nextAtMs,
  };
  return { percent, phase, changesAtMs: nextAtMs };
}

function stepAt(elapsedMs: number, intervalMs: number, last: number): number {
  return intervalMs <= 0 ? last : Math.min(last, Math.floor(elapsedMs / intervalMs));
}
