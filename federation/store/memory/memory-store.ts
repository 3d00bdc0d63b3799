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
import { LOG_KEEP_COUNT, LOG_READ_COUNT } from '../limits.ts';
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
    this.#members.add(cluster);
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
    const { head } = this.#shelf(cluster);
    return { head, position: String(this.#lastPosition) };
  }

  readAll(cluster: ClusterName): StoredSet {
    return { ...this.readHead(cluster), records: [...this.#shelf(cluster).records.values()] };
  }

  readRecords(cluster: ClusterName, fields: readonly ServiceKey[]): readonly (StoredRecord | undefined)[] {
    const { records } = this.#shelf(cluster);
    return fields.map((field) => records.get(field));
  }

  /** What came after the positions, at once. */
  readLog(positions: ReadonlyMap<ClusterName, LogPosition>): readonly LogSlice[] {
    return [...positions].flatMap(([cluster, position]) => {
      const { entries, last } = this.#shelf(cluster).log.after(Number(position), LOG_READ_COUNT);
      return entries.length === 0 ? [] : [{ cluster, entries, position: String(last) }];
    });
  }

  /** Calls back once, at the next entry of any log; the returned function ends the wait. */
  onNextEntry(listener: () => void): () => void {
    this.#waiting.add(listener);
    return () => this.#waiting.delete(listener);
  }

  readDocument(key: DocumentKey): Uint8Array | undefined {
    return this.#documents.get(documentName(key));
  }

  writeDocument(key: DocumentKey, document: Uint8Array): void {
    this.#documents.set(documentName(key), document);
  }

  #shelf(cluster: ClusterName): Shelf {
    let shelf = this.#shelves.get(cluster);
    if (shelf === undefined) {
      shelf = {
        fence: undefined,
        lease: undefined,
        head: undefined,
        records: new Map(),
        log: new EntryLog(LOG_KEEP_COUNT),
        staged: undefined,
      };
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

function sameBytes(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && Buffer.compare(a, b) === 0;
}

function documentName(key: DocumentKey): string {
  return key.kind === 'trust' ? 'trust' : `${key.cluster}:bundle`;
}
