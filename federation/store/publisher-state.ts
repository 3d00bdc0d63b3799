import type { Standing } from '../model/standing.ts';

/** What a publisher is doing, for `status`, metrics and whoever waits for it. */
export type PublisherState =
  /** `replace` was not called yet: publishing less than the cluster has would withdraw the rest. */
  | { readonly kind: 'awaiting-services' }
  | { readonly kind: 'awaiting-identity' }
  /** The store does not answer; changes are kept for when it does. */
  | { readonly kind: 'disconnected' }
  /** Wants to lead, or finds out what the store has. */
  | { readonly kind: 'acquiring' }
  | { readonly kind: 'standby'; readonly leader: string }
  | {
      readonly kind: 'leading';
      readonly epoch: number;
      readonly version: number;
      /** Issue time of the newest head that the store took, Unix ms. */
      readonly publishedAtMs: number;
    }
  | { readonly kind: 'closed' };

/** Where leadership stands; times are monotonic ms. */
export type Leadership =
  | { readonly kind: 'follower'; readonly leader: string | undefined; readonly tryAtMs: number }
  /** Leads, and does not know what the store has: reads it before it writes. */
  | { readonly kind: 'unsure'; readonly epoch: number; readonly tryAtMs: number }
  | {
      readonly kind: 'leader';
      readonly epoch: number;
      readonly head: Uint8Array;
      readonly heartbeatAtMs: number;
      /** Changes wait until then: each write costs a signature, which every reader verifies. */
      readonly batchAtMs: number;
    };

/** What a publisher shows while it has nothing to do. */
export type WaitingKind = Exclude<PublisherState['kind'], 'closed'>;

export type Step =
  | { readonly kind: 'wait'; readonly state: WaitingKind; readonly untilMs: number }
  /** Replicas that never write have to know the cluster's last word, too. */
  | { readonly kind: 'recall' }
  | { readonly kind: 'acquire' }
  | { readonly kind: 'synchronize'; readonly epoch: number }
  | { readonly kind: 'commit'; readonly leading: Extract<Leadership, { readonly kind: 'leader' }> };

export interface PublisherFacts {
  readonly leadership: Leadership;
  readonly servicesKnown: boolean;
  readonly identityKnown: boolean;
  /** Whether the store answers; its coming back wakes the publisher. */
  readonly storeUp: boolean;
  /** The cluster's last word has been read, or found missing. */
  readonly recalled: boolean;
  /** Has a mandate, or may ask the store for it. */
  readonly mayLead: boolean;
  /** What heads say beside the set has changed. */
  readonly announcing: boolean;
  /** Of the next batch, monotonic ms; undefined with nothing to send. */
  readonly batchDueMs: number | undefined;
}

const NEVER = Number.POSITIVE_INFINITY;
/** A batch of so many changes is one of many: 200 a second, with 20 ms between two writes. */
const BUSY_CHANGES = 4;

/** How long the next batch waits after one of so many changes: the more come, the more of them share what a write costs. */
export function windowAfterMs(
  changes: number,
  windows: { readonly batchWindowMs: number; readonly busyWindowMs: number },
): number {
  const { batchWindowMs, busyWindowMs } = windows;
  return changes < BUSY_CHANGES ? batchWindowMs : Math.max(batchWindowMs, busyWindowMs);
}

/**
 * Whether a replica that others elect may write. While the election cannot be heard, whoever wrote goes on: the store's
 * fence lets in one writer, and a later one ends its turn. Nobody begins then, for two could.
 * @param writes it has a mandate, and made use of it: one that it never used would fence out whoever was elected since
 * @param overtaken the store knows a later writer
 */
export function mandateAfter(writes: boolean, standing: Standing, overtaken: boolean): boolean {
  if (standing === 'unheard') return writes && !overtaken;
  return standing === 'elected';
}

/** What a publisher does next. */
export function nextStep(nowMs: number, facts: PublisherFacts): Step {
  const { leadership } = facts;
  if (!facts.servicesKnown) return { kind: 'wait', state: 'awaiting-services', untilMs: NEVER };
  if (!facts.identityKnown) return { kind: 'wait', state: 'awaiting-identity', untilMs: NEVER };
  if (!facts.storeUp) return { kind: 'wait', state: 'disconnected', untilMs: NEVER };
  switch (leadership.kind) {
    case 'follower': {
      const state = leadership.leader === undefined ? 'acquiring' : 'standby';
      const due = nowMs >= leadership.tryAtMs;
      if (!facts.recalled && due) return { kind: 'recall' };
      if (!facts.recalled) return { kind: 'wait', state, untilMs: leadership.tryAtMs };
      if (!facts.mayLead) return { kind: 'wait', state: 'standby', untilMs: NEVER };
      return due ? { kind: 'acquire' } : { kind: 'wait', state, untilMs: leadership.tryAtMs };
    }
    case 'unsure':
      return nowMs < leadership.tryAtMs
        ? { kind: 'wait', state: 'acquiring', untilMs: leadership.tryAtMs }
        : { kind: 'synchronize', epoch: leadership.epoch };
    case 'leader': {
      const batchMs =
        facts.batchDueMs === undefined ? NEVER : Math.max(facts.batchDueMs, leadership.batchAtMs);
      const untilMs = Math.min(leadership.heartbeatAtMs, batchMs);
      return nowMs < untilMs && !facts.announcing
        ? { kind: 'wait', state: 'leading', untilMs }
        : { kind: 'commit', leading: leadership };
    }
  }
}

/** What listeners are shown next: the same object when nothing of it has changed. */
export function shownState(
  before: PublisherState,
  kind: WaitingKind,
  leadership: Leadership,
  version: number,
  publishedAtMs: number,
): PublisherState {
  if (kind === 'leading' && leadership.kind === 'leader') {
    if (before.kind === 'leading' && before.publishedAtMs === publishedAtMs) return before;
    return { kind, epoch: leadership.epoch, version, publishedAtMs };
  }
  if (kind === 'standby') {
    const leader = (leadership.kind === 'follower' ? leadership.leader : undefined) ?? 'not elected';
    return before.kind === 'standby' && before.leader === leader ? before : { kind, leader };
  }
  return kind === 'leading' || before.kind === kind ? before : { kind };
}
