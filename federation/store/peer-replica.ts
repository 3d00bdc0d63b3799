import type { ClusterName } from '../model/cluster.ts';
import type { ServiceKey, ServiceRecord } from '../model/service.ts';
import type { StoreChange, StoredRecord, StoredSet } from './driver.ts';
import { compareHeads, type HeadContent, type HeadVerifier } from './head.ts';
import { admitHead, compareMarks, type HighWaterMark, Refusal, refuseOlder } from './head-admission.ts';
import { MAX_SET_BYTES } from './limits.ts';
import { VerifiedSet } from './verified-set.ts';

export type ReplicaOutcome =
  /** The head is new and covers what is published now. */
  | { readonly kind: 'accepted'; readonly changed: readonly ServiceKey[] }
  /** Not newer than what is already known. */
  | { readonly kind: 'known' }
  /** Changes are missing: the whole set has to be read. */
  | { readonly kind: 'incomplete' }
  /** Forged, turned back, malformed: what was published stays. */
  | { readonly kind: 'refused'; readonly reason: string; readonly untrusted: boolean };

/**
 * What one peer cluster says, as far as its signed heads vouch for it. Changes wait until a head covers them;
 * only then are they published. Holds no clock and no connection: `nowMs` is Unix time.
 */
export class PeerReplica {
  readonly cluster: ClusterName;
  readonly #verifier: HeadVerifier;
  readonly #set = new VerifiedSet();
  readonly #pending = new Map<ServiceKey, StoreChange>();
  #pendingBytes = 0;
  /** The version that the next change must follow; undefined before the first head. */
  #appliedVersion: number | undefined;
  #head: HeadContent | undefined;
  #mark: HighWaterMark;

  constructor(cluster: ClusterName, verifier: HeadVerifier, mark: HighWaterMark = { epoch: 0, version: 0 }) {
    this.cluster = cluster;
    this.#verifier = verifier;
    this.#mark = mark;
  }

  get head(): HeadContent | undefined {
    return this.#head;
  }

  get mark(): HighWaterMark {
    return this.#mark;
  }

  /** Changes in place, only when a call gives `accepted`. */
  get records(): ReadonlyMap<ServiceKey, ServiceRecord> {
    return this.#set.records;
  }

  /** The texts behind `records`, with their versions. */
  get stored(): ReadonlyMap<ServiceKey, StoredRecord> {
    return this.#set.stored;
  }

  /** Takes the last good copy from this member's own disk. @throws Refusal when it is not whole. */
  restore(head: HeadContent, records: readonly StoredRecord[]): void {
    this.#set.replace(records, head.digest);
    this.#accept(head);
  }

  /** A change from the log. */
  change(change: StoreChange): void {
    const { version, field, text } = change;
    if (this.#appliedVersion === undefined || version <= this.#appliedVersion) return;
    this.#pendingBytes += field.length + (text?.length ?? 0);
    if (version !== this.#appliedVersion + 1 || this.#pendingBytes > MAX_SET_BYTES) {
      this.lose();
      return;
    }
    this.#pending.set(field, change);
    this.#appliedVersion = version;
  }

  /** Changes are missing, or the set was written anew: what waits for a head is of no use. */
  lose(): void {
    this.#appliedVersion = this.#head?.version;
    this.#clearPending();
  }

  /** A head from the log, where earlier ones are met again after a restart, or as it stands in the store. */
  take(signed: Uint8Array, from: 'log' | 'store', nowMs: number): ReplicaOutcome {
    return outcome(() => {
      const head = this.#admit(signed, nowMs);
      if (from === 'log' && compareMarks(head, this.#mark) < 0) return { kind: 'known' };
      refuseOlder(head, this.#mark);
      if (this.#head !== undefined && compareHeads(head, this.#head) <= 0) return { kind: 'known' };
      if (!this.#set.fits(this.#pending, head.digest)) {
        this.lose();
        return { kind: 'incomplete' };
      }
      const changed = this.#set.apply(this.#pending);
      this.#accept(head);
      return { kind: 'accepted', changed };
    });
  }

  /** The whole set as it stands in the store. */
  load(set: StoredSet, nowMs: number): ReplicaOutcome {
    this.lose();
    return outcome(() => {
      if (set.head === undefined) throw new Refusal('the store has no head of it');
      const head = this.#admit(set.head, nowMs);
      refuseOlder(head, this.#mark);
      const order = this.#head === undefined ? 1 : compareHeads(head, this.#head);
      if (order < 0) throw new Refusal('the store turned it back to an earlier head of the same version');
      if (order === 0) return { kind: 'known' };
      const changed = this.#set.replace(set.records, head.digest);
      this.#accept(head);
      return { kind: 'accepted', changed };
    });
  }

  #admit(signed: Uint8Array, nowMs: number): HeadContent {
    return admitHead(signed, { cluster: this.cluster, verifier: this.#verifier, nowMs });
  }

  #accept(head: HeadContent): void {
    this.#clearPending();
    this.#appliedVersion = head.version;
    this.#head = head;
    if (compareMarks(head, this.#mark) > 0) this.#mark = { epoch: head.epoch, version: head.version };
  }

  #clearPending(): void {
    this.#pending.clear();
    this.#pendingBytes = 0;
  }
}

function outcome(step: () => ReplicaOutcome): ReplicaOutcome {
  try {
    return step();
  } catch (failure) {
    if (failure instanceof Refusal) {
      return { kind: 'refused', reason: failure.message, untrusted: failure.untrusted };
    }
    throw failure;
  }
}
