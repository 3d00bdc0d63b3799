import type { ClusterName } from '../model/cluster.ts';
import type { ServiceKey } from '../model/service.ts';
import type { UserError } from '../model/user-error.ts';
import type { Readable } from '../runtime/watchable.ts';

/** A place in a cluster's log. Only the driver that gave it can read it. */
export type LogPosition = string;

/** One field of a cluster's set of services as it stands in the store. Nothing in it has been checked. */
export interface StoredRecord {
  readonly field: ServiceKey;
  /** The version of the change that wrote it. */
  readonly version: number;
  /** JSON of a ServiceRecord. */
  readonly text: string;
}

/** A change of one field; without `text` the field is withdrawn. */
export interface StoreChange {
  readonly field: ServiceKey;
  readonly version: number;
  readonly text: string | undefined;
}

/** One entry of a cluster's log. */
export type LogEntry =
  | { readonly kind: 'change'; readonly change: StoreChange }
  /** The whole set was written again: what a reader has may only be kept when the next head's digest fits it. */
  | { readonly kind: 'reset' }
  | { readonly kind: 'head'; readonly head: Uint8Array }
  | { readonly kind: 'malformed'; readonly reason: string };

export interface LogSlice {
  readonly cluster: ClusterName;
  readonly entries: readonly LogEntry[];
  /** Where to go on reading. */
  readonly position: LogPosition;
}

export interface StoredHead {
  readonly head: Uint8Array | undefined;
  /** No later than the head: reading on from here misses nothing that came after it. */
  readonly position: LogPosition;
}

/** Head, log position and all fields as they were at one moment. */
export interface StoredSet extends StoredHead {
  readonly records: readonly StoredRecord[];
}

/** Who leads, when the store elects the leader. Without a lease the caller has been elected elsewhere. */
export interface Lease {
  /** Names the process; stable over its restarts where it has a state folder. */
  readonly holder: string;
  readonly ttlMs: number;
}

export interface AcquireRequest {
  readonly cluster: ClusterName;
  readonly lease: Lease | undefined;
  /** The new epoch is not below this: Unix ms, or the caller's own last epoch + 1 where that is more. */
  readonly minimumEpoch: number;
  /** A fence above this cannot be a leader's, for every reader refuses such an epoch: it is overwritten. */
  readonly maximumEpoch: number;
}

export type AcquireResult =
  | { readonly kind: 'acquired'; readonly epoch: number }
  | { readonly kind: 'held'; readonly holder: string };

/** What every write carries: who writes, and what must still hold in the store. */
export interface WriteGuard {
  readonly cluster: ClusterName;
  /** Refused unless the fence is this epoch. */
  readonly epoch: number;
  /** Extended by the write. */
  readonly lease: Lease | undefined;
}

export interface CommitRequest extends WriteGuard {
  readonly changes: readonly StoreChange[];
  readonly head: Uint8Array;
  /** Refused unless this is the head that stands in the store. */
  readonly previousHead: Uint8Array;
  /** How many fields the set has after the changes. */
  readonly size: number;
}

export interface PromoteRequest extends WriteGuard {
  readonly head: Uint8Array;
  /** How many fields were staged. */
  readonly size: number;
}

export type WriteResult =
  | 'written'
  /** Another leader came, with a higher fence or the lease: nothing was written. */
  | 'fenced'
  /** The fence is gone or lower than the writer's (wiped, restored): nothing was written. */
  | 'fence-lost'
  /** The head in the store is not the writer's last one: nothing was written. */
  | 'foreign-head'
  /** Written, but the set has not the size it should have: someone else changed it. */
  | 'wrong-size';

/** Signed trust documents: a cluster's bundle and confirmations, or the trust home's stage and deny list. */
export type DocumentKey =
  | { readonly kind: 'bundle'; readonly cluster: ClusterName }
  | { readonly kind: 'trust' };

/**
 * Where clusters leave word for each other. Every call rejects with a UserError while the store cannot be reached
 * or refuses it; what is read is unchecked and may be anything.
 */
export interface StoreDriver {
  /** Whether the store answers. */
  readonly state: Readable<'up' | 'down'>;
  /** Why it does not answer, or why it refuses what is asked of it; names the address, never a password. */
  readonly problem: Readable<UserError | undefined>;
  /** Whether `cluster` could publish and read here: connects, authenticates, tries its permissions, writes nothing. */
  check(cluster: ClusterName): Promise<void>;

  /** A hint where to look; anyone may have written it. Of very many, some at random. */
  members(): Promise<readonly string[]>;
  addMember(cluster: ClusterName): Promise<void>;

  /** Becomes the writer: raises the fence to the new epoch. A lease that another holds is left alone. */
  acquire(request: AcquireRequest): Promise<AcquireResult>;
  /** Gives the lease back; does nothing when another holds it. */
  release(cluster: ClusterName, holder: string): Promise<void>;
  /** Writes changes and the head over them in one step, into the set and the log. */
  commit(request: CommitRequest): Promise<WriteResult>;
  /** Puts records aside, for `promote`. Several calls add up; they belong to the epoch. */
  stage(cluster: ClusterName, epoch: number, records: readonly StoredRecord[]): Promise<void>;
  /** Makes what was staged under the epoch the whole set, with its head, in one step. */
  promote(request: PromoteRequest): Promise<WriteResult>;

  readHead(cluster: ClusterName): Promise<StoredHead>;
  /** @throws StoreLimitError when the set is larger than any cluster may have. */
  readAll(cluster: ClusterName): Promise<StoredSet>;
  /** The named fields as they stand; undefined where there is none. */
  readRecords(
    cluster: ClusterName,
    fields: readonly ServiceKey[],
  ): Promise<readonly (StoredRecord | undefined)[]>;
  /**
   * What came after the positions, at most LOG_READ_COUNT entries of each; waits up to `blockMs` for the first
   * and gives nothing when none came. Entries that were trimmed are skipped without notice.
   * One call at a time.
   */
  readLog(positions: ReadonlyMap<ClusterName, LogPosition>, blockMs: number): Promise<readonly LogSlice[]>;

  readDocument(key: DocumentKey): Promise<Uint8Array | undefined>;
  writeDocument(key: DocumentKey, document: Uint8Array): Promise<void>;

  close(): Promise<void>;
}
