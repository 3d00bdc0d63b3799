import type { PeerReach } from '../model/cluster.ts';

/** What is known of a peer's liveness; all times monotonic ms. */
export interface ReachFacts {
  readonly before: PeerReach;
  /** When its newest head came in; undefined when none ever did. */
  readonly lastHeadAtMs: number | undefined;
  /** Since when this member's own store connection is sound without a break; undefined while it is not. */
  readonly soundSinceMs: number | undefined;
  readonly left: boolean;
}

/**
 * Whether the peer's word is current. Silence counts only while the store was heard all the time: a reader that is
 * cut off learns nothing about others, and so judges nothing.
 */
export function judgeReach(nowMs: number, silenceMs: number, facts: ReachFacts): PeerReach {
  const { before, lastHeadAtMs, soundSinceMs, left } = facts;
  if (lastHeadAtMs === undefined) return 'unknown';
  if (left) return 'left';
  if (before === 'unreachable' || soundSinceMs === undefined) return before;
  return nowMs - Math.max(lastHeadAtMs, soundSinceMs) >= silenceMs ? 'unreachable' : before;
}

/** Since when the store was heard without a gap. A gap may also be a pause of this process. */
export class Soundness {
  readonly #gapMs: number;
  #sinceMs: number | undefined;
  #lastMs = 0;

  constructor(gapMs: number) {
    this.#gapMs = gapMs;
  }

  answered(nowMs: number): void {
    if (this.#sinceMs === undefined || nowMs - this.#lastMs > this.#gapMs) this.#sinceMs = nowMs;
    this.#lastMs = nowMs;
  }

  broken(): void {
    this.#sinceMs = undefined;
  }

  sinceMs(nowMs: number): number | undefined {
    return nowMs - this.#lastMs > this.#gapMs ? undefined : this.#sinceMs;
  }
}
