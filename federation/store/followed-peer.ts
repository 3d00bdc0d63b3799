import { isDeepStrictEqual } from 'node:util';
import type { ClusterName, PeerReach } from '../model/cluster.ts';
import type { ServiceKey, ServiceRecord } from '../model/service.ts';
import type { LogEntry, LogPosition, StoredHead, StoredSet } from './driver.ts';
import type { HeadContent } from './head.ts';
import type { PeerCopy } from './peer-copy.ts';
import type { PeerReplica, ReplicaOutcome } from './peer-replica.ts';
import type { PeerChange, PeerView } from './peer-view.ts';
import { judgeReach } from './reach.ts';

/** Now, on both clocks: Unix ms for what others signed, monotonic ms for how long ago something was here. */
export interface Now {
  readonly unixMs: number;
  readonly monotonicMs: number;
}

const LOOK_AGAIN_MS = 1000;
/** A peer that has long been silent is only looked up to be sure: its next head comes through the log. */
const LOOK_AGAIN_SILENT_MS = 3000;
/** After a look-up that did not help, doubled up to the second with each more. */
const LOOK_FRUITLESS_MS = 250;
const LOOK_FRUITLESS_MAX_MS = 2000;

/** One peer as the follower sees it: its replica, its place in the log, and what listeners have been told. */
export class FollowedPeer implements PeerView {
  readonly cluster: ClusterName;
  readonly #replica: PeerReplica;
  /** Called for each accepted head, also when nothing but its time is new. */
  readonly #tell: (change: PeerChange) => void;
  /** Where its log was read to; undefined before its first look-up. */
  position: LogPosition | undefined;
  #reach: PeerReach = 'unknown';
  #problem: string | undefined;
  #untrusted = false;
  #lastHeadAtMs: number | undefined;
  #toldHead: HeadContent | undefined;
  /** What is published is not the newest that the cluster has said. */
  #incomplete = true;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #fruitlessLooks = 0;

  constructor(replica: PeerReplica, tell: (change: PeerChange) => void) {
    this.cluster = replica.cluster;
    this.#replica = replica;
    this.#tell = tell;
  }

  get reach(): PeerReach {
    return this.#reach;
  }

  get head(): HeadContent | undefined {
    return this.#replica.head;
  }

  get records(): ReadonlyMap<ServiceKey, ServiceRecord> {
    return this.#replica.records;
  }

  /** What is published is the newest that the store has, as far as it was looked at. */
  get complete(): boolean {
    return !this.#incomplete && this.head !== undefined;
  }

  get lastSeenMs(): number {
    return this.#replica.head?.issuedAtMs ?? 0;
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  get untrusted(): boolean {
    return this.#untrusted;
  }

  get copy(): PeerCopy | undefined {
    const { head, stored } = this.#replica;
    return head === undefined ? undefined : { head, records: [...stored.values()] };
  }

  /** From this member's disk. @throws Refusal when the copy is not whole. */
  restore(copy: PeerCopy, now: Now): void {
    this.#replica.restore(copy.head, copy.records);
    this.#reach = copy.head.left === true ? 'left' : 'synced';
    this.#lastHeadAtMs = now.monotonicMs;
    this.#toldHead = copy.head;
  }

  /** Whether the store has to be asked for it, now: also when its head is `lateMs` late, for the log may skip. */
  wantsLook(now: Now, lateMs: number): boolean {
    const sinceLookMs = now.monotonicMs - this.#lookedAtMs;
    if (this.#incomplete) return sinceLookMs >= this.#patienceMs();
    const silentMs = now.monotonicMs - (this.#lastHeadAtMs ?? 0);
    return (
      silentMs >= lateMs && sinceLookMs >= (this.#reach === 'synced' ? LOOK_AGAIN_MS : LOOK_AGAIN_SILENT_MS)
    );
  }

  /** The store was away, and may have come back as another: looks at once. */
  lookSoon(): void {
    this.#incomplete = true;
    this.#fruitlessLooks = 0;
  }

  follow(entries: readonly LogEntry[], now: Now): void {
    for (const entry of entries) {
      switch (entry.kind) {
        case 'change':
          this.#replica.change(entry.change);
          break;
        case 'reset':
          this.#replica.lose();
          break;
        case 'head':
          this.#settle(this.#replica.take(entry.head, 'log', now.unixMs), now);
          break;
        case 'malformed':
          this.#replica.lose();
          this.refuse(`its log has a malformed entry: ${entry.reason}`);
          break;
      }
    }
  }

  /** The head as it stands in the store. True when that was enough; else the whole set is needed. */
  look(stored: StoredHead, now: Now): boolean {
    this.#lookedAtMs = now.monotonicMs;
    this.#fruitlessLooks++;
    // Also where this is earlier than what was read: a log that was wiped begins anew.
    this.position = stored.position;
    if (stored.head === undefined) {
      this.refuse('the store has no head of it');
      return true;
    }
    const outcome = this.#replica.take(stored.head, 'store', now.unixMs);
    this.#settle(outcome, now);
    if (outcome.kind === 'known') {
      this.#replica.lose();
      this.#agree();
    }
    return outcome.kind !== 'incomplete';
  }

  load(set: StoredSet, now: Now): void {
    this.position = set.position;
    this.#settle(this.#replica.load(set, now.unixMs), now);
  }

  /** What the store has of it is not taken; what is published stays. */
  refuse(reason: string, untrusted = false): void {
    this.#incomplete = true;
    this.#untrusted = untrusted;
    if (this.#problem === reason) return;
    this.#problem = reason;
    this.#tell({ records: [], head: false, reach: false, problem: true });
  }

  /** Notices silence. */
  judge(now: Now, silenceMs: number, soundSinceMs: number | undefined): void {
    const reach = judgeReach(now.monotonicMs, silenceMs, {
      before: this.#reach,
      lastHeadAtMs: this.#lastHeadAtMs,
      soundSinceMs,
      left: this.head?.left === true,
    });
    if (reach === this.#reach) return;
    this.#reach = reach;
    this.#tell({ records: [], head: false, reach: true, problem: false });
  }

  #settle(outcome: ReplicaOutcome, now: Now): void {
    switch (outcome.kind) {
      case 'accepted':
        this.#lastHeadAtMs = now.monotonicMs;
        this.#accept(outcome.changed);
        break;
      case 'known':
        break;
      case 'incomplete':
        this.#incomplete = true;
        break;
      case 'refused':
        this.refuse(outcome.reason, outcome.untrusted);
        break;
    }
  }

  #accept(changed: readonly ServiceKey[]): void {
    const { head } = this.#replica;
    const reach = head?.left === true ? 'left' : 'synced';
    const change = {
      records: changed,
      head: !saysTheSame(head, this.#toldHead),
      reach: reach !== this.#reach,
      problem: this.#problem !== undefined,
    };
    this.#reach = reach;
    this.#toldHead = head;
    this.#problem = undefined;
    this.#untrusted = false;
    this.#incomplete = false;
    this.#fruitlessLooks = 0;
    this.#tell(change);
  }

  /** The store has what is published here. */
  #agree(): void {
    this.#incomplete = false;
    this.#fruitlessLooks = 0;
    if (this.#problem === undefined) return;
    this.#problem = undefined;
    this.#untrusted = false;
    this.#tell({ records: [], head: false, reach: false, problem: true });
  }

  #patienceMs(): number {
    if (this.#fruitlessLooks === 0) return 0;
    return Math.min(LOOK_FRUITLESS_MAX_MS, LOOK_FRUITLESS_MS * 2 ** Math.min(this.#fruitlessLooks, 10));
  }
}

/** Whether two heads differ in nothing but the set that they cover and when. */
function saysTheSame(a: HeadContent | undefined, b: HeadContent | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const about = ({ locality, gateways, bundleSequence, left, drain }: HeadContent) => ({
    locality,
    gateways,
    bundleSequence,
    left: left === true,
    drain,
  });
  return isDeepStrictEqual(about(a), about(b));
}
