import type { ClusterName } from '../../model/cluster.ts';
import type { ServiceKey } from '../../model/service.ts';
import { UserError } from '../../model/user-error.ts';
import { type Clock, SYSTEM_CLOCK } from '../../runtime/clock.ts';
import { Watchable } from '../../runtime/watchable.ts';
import type {
  AcquireRequest,
  AcquireResult,
  CommitRequest,
  DocumentKey,
  LogPosition,
  LogSlice,
  PromoteRequest,
  StoreDriver,
  StoredHead,
  StoredRecord,
  StoredSet,
  WriteResult,
} from '../driver.ts';
import type { MemoryStore } from './memory-store.ts';

/** A memory store of the same process. Several drivers may share one store, as clusters share a Redis. */
export class MemoryDriver implements StoreDriver {
  readonly state = new Watchable<'up' | 'down'>('up');
  readonly problem = new Watchable<UserError | undefined>(undefined);
  readonly #store: MemoryStore;
  readonly #clock: Clock;
  #endWait: (() => void) | undefined;
  #closed = false;

  constructor(store: MemoryStore, clock: Clock = SYSTEM_CLOCK) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Cuts this driver off from the store, or joins it again, as a broken network would. */
  setReachable(reachable: boolean): void {
    this.problem.set(reachable ? undefined : unreachable());
    this.state.set(reachable ? 'up' : 'down');
    this.#endWait?.();
  }

  async check(_cluster: ClusterName): Promise<void> {
    this.#reach();
  }

  async members(): Promise<readonly string[]> {
    return this.#reach().members();
  }

  async addMember(cluster: ClusterName): Promise<void> {
    this.#reach().addMember(cluster);
  }

  async acquire(request: AcquireRequest): Promise<AcquireResult> {
    return this.#reach().acquire(request);
  }

  async release(cluster: ClusterName, holder: string): Promise<void> {
    this.#reach().release(cluster, holder);
  }

  async commit(request: CommitRequest): Promise<WriteResult> {
    return this.#reach().commit(request);
  }

  async stage(cluster: ClusterName, epoch: number, records: readonly StoredRecord[]): Promise<void> {
    this.#reach().stage(cluster, epoch, records);
  }

  async promote(request: PromoteRequest): Promise<WriteResult> {
    return this.#reach().promote(request);
  }

  async readHead(cluster: ClusterName): Promise<StoredHead> {
    return this.#reach().readHead(cluster);
  }

  async readAll(cluster: ClusterName): Promise<StoredSet> {
    return this.#reach().readAll(cluster);
  }

  async readRecords(
    cluster: ClusterName,
    fields: readonly ServiceKey[],
  ): Promise<readonly (StoredRecord | undefined)[]> {
    return this.#reach().readRecords(cluster, fields);
  }

  async readLog(
    positions: ReadonlyMap<ClusterName, LogPosition>,
    blockMs: number,
  ): Promise<readonly LogSlice[]> {
    const slices = this.#reach().readLog(positions);
    if (slices.length > 0) return slices;
    await this.#nextEntry(blockMs);
    return this.#reach().readLog(positions);
  }

  async readDocument(key: DocumentKey): Promise<Uint8Array | undefined> {
    return this.#reach().readDocument(key);
  }

  async writeDocument(key: DocumentKey, document: Uint8Array): Promise<void> {
    this.#reach().writeDocument(key, document);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#endWait?.();
  }

  #reach(): MemoryStore {
    if (this.#closed || this.state.value === 'down') throw unreachable();
    return this.#store;
  }

  #nextEntry(blockMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        forget();
        cancel();
        this.#endWait = undefined;
        resolve();
      };
      const forget = this.#store.onNextEntry(end);
      const cancel = this.#clock.after(blockMs, end);
      this.#endWait = end;
    });
  }
}

function unreachable(): UserError {
  return new UserError('the memory store of this process cannot be reached');
}
