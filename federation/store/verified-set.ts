import type { ServiceKey, ServiceRecord } from '../model/service.ts';
import { digestOf, SetDigest } from './digest.ts';
import type { StoreChange, StoredRecord } from './driver.ts';
import { Refusal, refuseOnError } from './head-admission.ts';
import { MAX_RECORDS, MAX_SET_BYTES } from './limits.ts';
import { parseRecord } from './record.ts';

/** A cluster's services as far as a head vouches for them. Changes as a whole or not at all. */
export class VerifiedSet {
  readonly #records = new Map<ServiceKey, ServiceRecord>();
  readonly #stored = new Map<ServiceKey, StoredRecord>();
  readonly #digest = new SetDigest();

  /** Changes in place. */
  get records(): ReadonlyMap<ServiceKey, ServiceRecord> {
    return this.#records;
  }

  /** The texts behind the records, with their versions. */
  get stored(): ReadonlyMap<ServiceKey, StoredRecord> {
    return this.#stored;
  }

  /** Whether `digest` covers the set as the changes would leave it. */
  fits(changes: ReadonlyMap<ServiceKey, StoreChange>, digest: string): boolean {
    return this.#digest.hexWith(changes.values(), changes) === digest;
  }

  /** @throws Refusal when a record is malformed or there are too many; nothing is changed then. */
  apply(changes: ReadonlyMap<ServiceKey, StoreChange>): readonly ServiceKey[] {
    let size = this.#stored.size;
    for (const { field, text } of changes.values()) {
      size += Number(text !== undefined) - Number(this.#stored.has(field));
    }
    checkSize(size);
    const parsed = refuseOnError('its head covers a malformed record', () =>
      [...changes.values()].map(({ field, version, text }) =>
        text === undefined
          ? undefined
          : { stored: { field, version, text }, record: parseRecord(field, text) },
      ),
    );
    this.#digest.apply(changes.values(), changes);
    for (const [index, field] of [...changes.keys()].entries()) {
      const entry = parsed[index];
      if (entry === undefined) {
        this.#stored.delete(field);
        this.#records.delete(field);
      } else {
        this.#stored.set(field, entry.stored);
        this.#records.set(field, entry.record);
      }
    }
    return [...changes.keys()];
  }

  /**
   * Takes the records as the whole set, and tells which fields that changed.
   * @throws Refusal when the digest does not cover them or one is malformed; nothing is changed then.
   */
  replace(records: readonly StoredRecord[], digest: string): readonly ServiceKey[] {
    checkSize(records.length);
    checkBytes(records);
    if (digestOf(records) !== digest) throw new Refusal('its services are not those that its head covers');
    const parsed = refuseOnError('its head covers a malformed record', () => this.#parseAll(records));
    const changed: ServiceKey[] = [];
    for (const field of [...this.#stored.keys()]) {
      if (parsed.has(field)) continue;
      this.#forget(field);
      changed.push(field);
    }
    for (const [field, { stored, record }] of parsed) {
      if (this.#stored.get(field)?.text !== stored.text) changed.push(field);
      this.#keep(stored, record);
    }
    return changed;
  }

  /** Records that stand here with the same text are not parsed again. */
  #parseAll(
    records: readonly StoredRecord[],
  ): ReadonlyMap<ServiceKey, { readonly stored: StoredRecord; readonly record: ServiceRecord }> {
    return new Map(
      records.map((stored) => {
        const { field, text } = stored;
        const known = this.#stored.get(field)?.text === text ? this.#records.get(field) : undefined;
        return [field, { stored, record: known ?? parseRecord(field, text) }];
      }),
    );
  }

  #keep(stored: StoredRecord, record: ServiceRecord): void {
    this.#stored.set(stored.field, stored);
    this.#records.set(stored.field, record);
    this.#digest.set(stored.field, stored.version, stored.text);
  }

  #forget(field: ServiceKey): void {
    this.#stored.delete(field);
    this.#records.delete(field);
    this.#digest.delete(field);
  }
}

function checkSize(size: number): void {
  if (size > MAX_RECORDS) throw new Refusal(`it has more than ${MAX_RECORDS} services`);
}

function checkBytes(records: readonly StoredRecord[]): void {
  const bytes = records.reduce((sum, { field, text }) => sum + field.length + text.length, 0);
  if (bytes > MAX_SET_BYTES) throw new Refusal(`its services take more than ${MAX_SET_BYTES} bytes`);
}
