import type { ServiceKey, ServiceRecord } from '../model/service.ts';
import { digestOf, SetDigest } from './digest.ts';
import type { StoreChange, StoredRecord } from './driver.ts';
import { MAX_BATCH_BYTES, MAX_BATCH_CHANGES, MAX_RECORDS, MAX_SET_BYTES } from './limits.ts';
import { encodeRecord, parseRecord } from './record.ts';

/** A set of changes on its way to the store: kept until the store took it or certainly did not. */
export interface Batch {
  readonly changes: readonly StoreChange[];
  /** Version and digest of the set with the changes in it. */
  readonly version: number;
  readonly digest: string;
  readonly size: number;
}

/**
 * What this cluster wants to have in the store beside what is there, and the batches that lead from one to the
 * other. Knows nothing of the store; times are of any one clock.
 */
export class Publication {
  readonly #wanted = new Map<ServiceKey, { readonly record: ServiceRecord; readonly text: string }>();
  #wantedBytes = 0;
  readonly #stored = new Map<ServiceKey, StoredRecord>();
  /** Fields that the store has otherwise, oldest first, by the time since when; some of them withdrawals. */
  readonly #pending = new Map<ServiceKey, number>();
  readonly #withdrawals = new Set<ServiceKey>();
  readonly #digest = new SetDigest();
  #version = 0;

  get version(): number {
    return this.#version;
  }

  /** What the store has, or had when it was last heard. */
  get stored(): ReadonlyMap<ServiceKey, StoredRecord> {
    return this.#stored;
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  wantedKeys(): readonly ServiceKey[] {
    return [...this.#wanted.keys()];
  }

  /** A copy. */
  wanted(): ReadonlyMap<ServiceKey, ServiceRecord> {
    return new Map([...this.#wanted].map(([key, { record }]) => [key, record]));
  }

  /** @throws Error when readers would not take it; what was wanted before stays. */
  set(key: ServiceKey, record: ServiceRecord, nowMs: number): void {
    const before = this.#wanted.get(key);
    if (before === undefined && this.#wanted.size >= MAX_RECORDS) {
      throw new RangeError(`a cluster exports at most ${MAX_RECORDS} services`);
    }
    const text = encodeRecord(record);
    if (before?.text === text) return;
    parseRecord(key, text);
    const bytes = this.#wantedBytes + bytesOf(key, text) - bytesOf(key, before?.text);
    if (bytes > MAX_SET_BYTES) {
      throw new RangeError(`the records of a cluster take at most ${MAX_SET_BYTES} bytes together`);
    }
    this.#wantedBytes = bytes;
    this.#wanted.set(key, { record, text });
    this.#expect(key, before !== undefined && takesAway(before.record, record), nowMs);
  }

  delete(key: ServiceKey, nowMs: number): void {
    const before = this.#wanted.get(key);
    if (before === undefined) return;
    this.#wantedBytes -= bytesOf(key, before.text);
    this.#wanted.delete(key);
    this.#expect(key, true, nowMs);
  }

  /**
   * When the next batch is due: at once for withdrawals, `windowMs` after the first change else; undefined with
   * nothing to send.
   */
  dueMs(windowMs: number): number | undefined {
    if (this.#withdrawals.size > 0) return Number.NEGATIVE_INFINITY;
    const [sinceMs] = this.#pending.values();
    return sinceMs === undefined ? undefined : sinceMs + windowMs;
  }

  /** Takes what is there on the word of a head that has been verified. What is wanted differently is pending. */
  adopt(records: readonly StoredRecord[], version: number, nowMs: number): void {
    for (const field of [...this.#stored.keys()]) this.#forget(field);
    for (const record of records) this.#keep(record);
    this.#version = version;
    this.#compareAll(nowMs);
  }

  /** The next batch, withdrawals first. Without changes it is a heartbeat's. */
  nextBatch(): Batch {
    const fields = this.#nextFields();
    let version = this.#version;
    const changes = [...fields].map((field) => {
      version++;
      return { field, version, text: this.#wanted.get(field)?.text };
    });
    return this.#measure(changes, version);
  }

  /** Everything that is wanted, as one new set. */
  wholeSet(): {
    readonly records: readonly StoredRecord[];
    readonly version: number;
    readonly digest: string;
  } {
    const version = this.#version + 1;
    const records = [...this.#wanted].map(([field, { text }]) => ({ field, version, text }));
    return { records, version, digest: digestOf(records) };
  }

  /** The store took the batch. A field that was changed meanwhile stays pending. */
  written(batch: Batch, nowMs: number): void {
    this.#digest.apply(batch.changes);
    for (const { field, version, text } of batch.changes) {
      if (text === undefined) this.#stored.delete(field);
      else this.#stored.set(field, { field, version, text });
      this.#expect(field, true, nowMs);
    }
    this.#version = batch.version;
  }

  #nextFields(): ReadonlySet<ServiceKey> {
    const fields = new Set<ServiceKey>();
    let bytes = 0;
    for (const field of [...this.#withdrawals, ...this.#pending.keys()]) {
      if (fields.has(field)) continue;
      bytes += field.length + (this.#wanted.get(field)?.text.length ?? 0);
      if (fields.size >= MAX_BATCH_CHANGES || (bytes > MAX_BATCH_BYTES && fields.size > 0)) break;
      fields.add(field);
    }
    return fields;
  }

  #measure(changes: readonly StoreChange[], version: number): Batch {
    let size = this.#stored.size;
    for (const { field, text } of changes) {
      size += Number(text !== undefined) - Number(this.#stored.has(field));
    }
    return { changes, version, digest: this.#digest.hexWith(changes), size };
  }

  #keep(record: StoredRecord): void {
    this.#stored.set(record.field, record);
    this.#digest.set(record.field, record.version, record.text);
  }

  #forget(field: ServiceKey): void {
    this.#stored.delete(field);
    this.#digest.delete(field);
  }

  #expect(field: ServiceKey, withdrawal: boolean, nowMs: number): void {
    if (this.#wanted.get(field)?.text === this.#stored.get(field)?.text) {
      this.#pending.delete(field);
      this.#withdrawals.delete(field);
      return;
    }
    if (!this.#pending.has(field)) this.#pending.set(field, nowMs);
    if (withdrawal) this.#withdrawals.add(field);
  }

  #compareAll(nowMs: number): void {
    this.#pending.clear();
    this.#withdrawals.clear();
    for (const field of this.#stored.keys()) this.#expect(field, !this.#wanted.has(field), nowMs);
    for (const field of this.#wanted.keys()) this.#expect(field, false, nowMs);
  }
}

/** Stores keep a version of at most 16 digits and a space before each record, and count them. */
const VERSION_BYTES = 17;

function bytesOf(key: ServiceKey, text: string | undefined): number {
  return text === undefined ? 0 : key.length + VERSION_BYTES + Buffer.byteLength(text);
}

/** Whether fewer hosts can take requests anywhere than before, or a port is gone: news that must not wait. */
function takesAway(before: ServiceRecord, after: ServiceRecord): boolean {
  if (before.ports.some((port) => !after.ports.some((other) => other.name === port.name))) return true;
  return before.localities.some(({ locality, healthy }) => {
    const now = after.localities.find(
      (other) => other.locality.region === locality.region && other.locality.zone === locality.zone,
    );
    return healthy > (now?.healthy ?? 0);
  });
}
