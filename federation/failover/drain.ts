import type { Drain, DrainOrder } from '../model/drain.ts';
import { DEFAULT_FAILBACK, type FailbackPolicy } from '../model/policy.ts';
import { type DrainVoice, type FailbackShare, failbackShare } from './failback.ts';

const NEVER = Number.POSITIVE_INFINITY;
const STEPS = 100;
/** Each step makes the plans of all routes anew: a short drain has fewer. */
const MIN_STEP_MS = 1000;

/**
 * f of a cluster as far as a drain decides over it.
 *
 * A drain goes down in up to 100 even steps. The way back is that of a failback without hold-down: that waits for a
 * cluster which failed to prove itself, and whoever takes a drain back has said that it is fit.
 */
export function drainShare(
  drain: Drain,
  by: DrainVoice,
  policy: FailbackPolicy,
  nowMs: number,
): FailbackShare {
  return drain.kind === 'draining' ? drainingShare(drain, by, nowMs) : returningShare(drain, policy, nowMs);
}

function drainingShare(
  { sinceMs, overMs, fromPercent }: Extract<Drain, { kind: 'draining' }>,
  by: DrainVoice,
  nowMs: number,
): FailbackShare {
  const untilMs = sinceMs + overMs;
  if (nowMs < sinceMs) {
    return { percent: fromPercent, phase: { kind: 'draining', by, sinceMs, untilMs }, changesAtMs: sinceMs };
  }
  if (nowMs >= untilMs) {
    return { percent: 0, phase: { kind: 'drained', by, sinceMs: untilMs }, changesAtMs: NEVER };
  }
  const stepMs = Math.max(MIN_STEP_MS, Math.ceil(overMs / STEPS));
  const steps = Math.floor((nowMs - sinceMs) / stepMs);
  return {
    percent: fromPercent - Math.floor((fromPercent * steps * stepMs) / overMs),
    phase: { kind: 'draining', by, sinceMs, untilMs },
    changesAtMs: Math.min(untilMs, sinceMs + (steps + 1) * stepMs),
  };
}

function returningShare(
  { sinceMs, fromPercent }: Extract<Drain, { kind: 'returning' }>,
  policy: FailbackPolicy,
  nowMs: number,
): FailbackShare {
  const health = { kind: 'returning', healthySinceMs: sinceMs } as const;
  const share = failbackShare(health, { ...policy, holdDownMs: 0 }, Math.max(nowMs, sinceMs));
  return { ...share, percent: Math.max(share.percent, fromPercent) };
}

/** What is left of the share, by the default policy's steps: for who has no policy to go by. Whole percent. */
export function drainPercent(drain: Drain | undefined, nowMs: number): number {
  return drain === undefined ? 100 : drainShare(drain, 'here', DEFAULT_FAILBACK, nowMs).percent;
}

/**
 * The drain after a look at what is ordered now. One that is ordered begins with what is left of the share; one that
 * is ordered no more begins the way back.
 * @param before undefined = there was none, as far as is known
 * @param order undefined = no drain is ordered
 */
export function nextDrain(
  before: Drain | undefined,
  order: DrainOrder | undefined,
  nowMs: number,
): Drain | undefined {
  if (order === undefined) {
    if (before?.kind !== 'draining') return before;
    const left = drainPercent(before, nowMs);
    return left === 100 ? undefined : { kind: 'returning', sinceMs: nowMs, fromPercent: left };
  }
  if (before?.kind === 'draining' && follows(before, order)) return before;
  const sinceMs = order.sinceMs ?? nowMs;
  const fromPercent = drainPercent(before, Math.min(sinceMs, nowMs));
  return { kind: 'draining', sinceMs, overMs: order.overMs, fromPercent };
}

/**
 * The drain by an order that was there before anybody looked at the cluster. One that does not say since when counts as
 * done: who has lost their memory would bring the requests back to a cluster that they had been taken from.
 */
export function foundDrain(order: DrainOrder, nowMs: number): Drain | undefined {
  if (order.sinceMs !== undefined) return nextDrain(undefined, order, nowMs);
  return { kind: 'draining', sinceMs: nowMs - order.overMs, overMs: order.overMs, fromPercent: 0 };
}

function follows(drain: Extract<Drain, { kind: 'draining' }>, order: DrainOrder): boolean {
  return drain.overMs === order.overMs && (order.sinceMs === undefined || order.sinceMs === drain.sinceMs);
}
