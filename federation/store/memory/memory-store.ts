import type { ClusterName } from '../../model/cluster.ts';
import type { ServiceKey } from '../../model/service.ts';
import type { Clock } from '../../runtime/clock.ts';
import type {
  AcquireRequest,
  AcquireResult,
  CommitRequest,
  DocumentKey,
  Lease,
  LogEntry,
  LogPosition,
  LogSlice,
  PromoteRequest,
  StoredHead,
  StoredRecord,
  StoredSet,
  WriteGuard,
  WriteResult,
} from '../driver.ts';
import {
  LOG_KEEP_COUNT,
  LOG_READ_COUNT,
  MAX_HEAD_BYTES,
  MAX_MEMBERS,
  MAX_RECORDS,
  StoreLimitError,
} from '../limits.ts';
import { EntryLog } from './entry-log.ts';

interface HeldLease {
  readonly holder: string;
  readonly endsAtMs: number;
}

/** What one cluster has in the store. */
interface Shelf {
  fence: number | undefined;
  lease: HeldLease | undefined;
  head: Uint8Array | undefined;
  records: Map<ServiceKey, StoredRecord>;
  readonly log: EntryLog;
  staged: { readonly epoch: number; readonly records: Map<ServiceKey, StoredRecord> } | undefined;
}

/** What a store holds, leases and logs left out. */
export interface StoreImage {
  readonly members: readonly string[];
  readonly documents: readonly (readonly [string, Uint8Array])[];
  readonly shelves: readonly {
    readonly cluster: ClusterName;
    readonly fence: number | undefined;
    readonly head: Uint8Array | undefined;
    readonly records: readonly StoredRecord[];
  }[];
}

/** The store itself, in this process's memory. Gone with the process; the clusters then write it again. */
export class MemoryStore {
  readonly #clock: Clock;
  readonly #shelves = new Map<ClusterName, Shelf>();
  readonly #members = new Set<ClusterName>();
  readonly #documents = new Map<string, Uint8Array>();
  readonly #waiting = new Set<() => void>();
  /** Log positions go on over a wipe, as the time-based ones of a real store do. */
  #lastPosition = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  members(): readonly string[] {
    return [...this.#members];
  }

  addMember(cluster: ClusterName): void {
    if (this.#members.size < MAX_MEMBERS) this.#members.add(cluster);
  }

  acquire(request: AcquireRequest): AcquireResult {
    const shelf = this.#shelf(request.cluster);
    const lease = this.#lease(shelf);
    if (request.lease !== undefined && lease !== undefined && lease.holder !== request.lease.holder) {
      return { kind: 'held', holder: lease.holder };
    }
    const fence = shelf.fence ?? 0;
    const next = fence > request.maximumEpoch ? 0 : fence + 1;
    shelf.fence = Math.max(next, request.minimumEpoch);
    this.#extend(shelf, request.lease);
    return { kind: 'acquired', epoch: shelf.fence };
  }

  release(cluster: ClusterName, holder: string): void {
    const shelf = this.#shelf(cluster);
    if (shelf.lease?.holder === holder) shelf.lease = undefined;
  }

  commit(request: CommitRequest): WriteResult {
    const shelf = this.#shelf(request.cluster);
    const refusal = this.#refusal(shelf, request);
    if (refusal !== undefined) return refusal;
    if (!sameBytes(shelf.head, request.previousHead)) return 'foreign-head';
    for (const change of request.changes) {
      const { field, version, text } = change;
      if (text === undefined) shelf.records.delete(field);
      else shelf.records.set(field, { field, version, text });
      this.#append(shelf, { kind: 'change', change });
    }
    this.#putHead(shelf, request.head);
    return shelf.records.size === request.size ? 'written' : 'wrong-size';
  }

  stage(cluster: ClusterName, epoch: number, records: readonly StoredRecord[]): void {
    const shelf = this.#shelf(cluster);
    if (shelf.staged?.epoch !== epoch) shelf.staged = { epoch, records: new Map() };
    for (const record of records) shelf.staged.records.set(record.field, record);
    if (shelf.staged.records.size <= MAX_RECORDS) return;
    shelf.staged = undefined;
    throw new StoreLimitError(`${cluster} has more than ${MAX_RECORDS} services`);
  }

  promote(request: PromoteRequest): WriteResult {
    const shelf = this.#shelf(request.cluster);
    const refusal = this.#refusal(shelf, request);
    if (refusal !== undefined) return refusal;
    const staged = shelf.staged?.epoch === request.epoch ? shelf.staged.records : new Map();
    shelf.staged = undefined;
    if (staged.size !== request.size) return 'wrong-size';
    shelf.records = staged;
    this.#append(shelf, { kind: 'reset' });
    this.#putHead(shelf, request.head);
    return 'written';
  }

  readHead(cluster: ClusterName): StoredHead {
    const head = this.#shelves.get(cluster)?.head?.subarray(0, MAX_HEAD_BYTES + 1);
    return { head, position: String(this.#lastPosition) };
  }

  readAll(cluster: ClusterName): StoredSet {
    return { ...this.readHead(cluster), records: [...(this.#shelves.get(cluster)?.records.values() ?? [])] };
  }

  readRecords(cluster: ClusterName, fields: readonly ServiceKey[]): readonly (StoredRecord | undefined)[] {
    const records = this.#shelves.get(cluster)?.records;
    return fields.map((field) => records?.get(field));
  }

  /** What came after the positions, at once. */
  readLog(positions: ReadonlyMap<ClusterName, LogPosition>): readonly LogSlice[] {
    return [...positions].flatMap(([cluster, position]) => {
      const found = this.#shelves.get(cluster)?.log.after(Number(position), LOG_READ_COUNT);
      if (found === undefined || found.entries.length === 0) return [];
      return [{ cluster, entries: found.entries, position: String(found.last) }];
    });
  }

  /** Calls back once, at the next entry of any log; the returned function ends the wait. */
  onNextEntry(listener: () => void): () => void {
    this.#waiting.add(listener);
    return () => this.#waiting.delete(listener);
  }

  /** Everything, as it could be written to disk. */
  save(): StoreImage {
    return structuredClone({
      members: [...this.#members],
      documents: [...this.#documents],
      shelves: [...this.#shelves].map(([cluster, shelf]) => ({
        cluster,
        fence: shelf.fence,
        head: shelf.head,
        records: [...shelf.records.values()],
      })),
    });
  }

  /** Becomes what an image says, an empty one included. Logs begin anew, as a backup's are behind any reader. */
  restore(image: StoreImage): void {
    this.#members.clear();
    this.#documents.clear();
    this.#shelves.clear();
    for (const member of image.members) this.addMember(member);
    for (const [name, document] of image.documents) this.#documents.set(name, document);
    for (const { cluster, fence, head, records } of image.shelves) {
      const shelf = this.#shelf(cluster);
      shelf.fence = fence;
      shelf.head = head;
      shelf.records = new Map(records.map((record) => [record.field, record]));
    }
  }

  readDocument(key: DocumentKey): Uint8Array | undefined {
    return this.#documents.get(documentName(key));
  }

  writeDocument(key: DocumentKey, document: Uint8Array): void {
    this.#documents.set(documentName(key), document);
  }

  /** For writing: made when it is not there. */
  #shelf(cluster: ClusterName): Shelf {
    let shelf = this.#shelves.get(cluster);
    if (shelf === undefined) {
      if (this.#shelves.size >= MAX_MEMBERS)
        throw new StoreLimitError(`the store has ${MAX_MEMBERS} clusters already`);
      shelf = emptyShelf();
      this.#shelves.set(cluster, shelf);
    }
    return shelf;
  }

  #lease(shelf: Shelf): HeldLease | undefined {
    return shelf.lease !== undefined && shelf.lease.endsAtMs > this.#clock.monotonic()
      ? shelf.lease
      : undefined;
  }

  #refusal(shelf: Shelf, guard: WriteGuard): 'fenced' | 'fence-lost' | undefined {
    const fence = shelf.fence ?? 0;
    if (fence !== guard.epoch) return fence > guard.epoch ? 'fenced' : 'fence-lost';
    const lease = this.#lease(shelf);
    if (guard.lease !== undefined && lease !== undefined && lease.holder !== guard.lease.holder)
      return 'fenced';
    this.#extend(shelf, guard.lease);
    return undefined;
  }

  #extend(shelf: Shelf, lease: Lease | undefined): void {
    if (lease === undefined) return;
    shelf.lease = { holder: lease.holder, endsAtMs: this.#clock.monotonic() + lease.ttlMs };
  }

  #putHead(shelf: Shelf, head: Uint8Array): void {
    shelf.head = head;
    this.#append(shelf, { kind: 'head', head });
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const listener of waiting) listener();
  }

  #append(shelf: Shelf, entry: LogEntry): void {
    this.#lastPosition++;
    shelf.log.append(this.#lastPosition, entry);
  }
}

function emptyShelf(): Shelf {
  return {
    fence: undefined,
    lease: undefined,
    head: undefined,
    records: new Map(),
    log: new EntryLog(LOG_KEEP_COUNT),
    staged: undefined,
  };
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && Buffer.compare(a, b) === 0;
}

function documentName(key: DocumentKey): string {
  return key.kind === 'trust' ? 'trust' : `${key.cluster}:bundle`;
}
