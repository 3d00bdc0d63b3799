import { hash } from 'node:crypto';
import type { ServiceKey } from '../model/service.ts';
import type { StoreChange, StoredRecord } from './driver.ts';

const BUCKETS = 256;
const HASH_BYTES = 32;

interface Bucket {
  readonly index: number;
  /** By field: the line that is hashed. */
  readonly lines: Map<ServiceKey, string>;
  /** Its hash stands for its lines as they are. */
  isHashed: boolean;
}

/**
 * The digest of a set of services, kept up to date: only buckets that were touched are hashed again. A field's
 * bucket is the first byte of its SHA-256; a bucket's hash covers its lines `field NUL version NUL
 * SHA-256(record) LF` in order of their fields; the digest covers the 256 hashes.
 */
export class SetDigest {
  readonly #buckets: readonly Bucket[] = Array.from({ length: BUCKETS }, (_, index) => ({
    index,
    lines: new Map(),
    isHashed: false,
  }));
  /** The buckets' hashes, one after the other. */
  readonly #hashes = Buffer.alloc(BUCKETS * HASH_BYTES);

  set(field: ServiceKey, version: number, text: string): void {
    const bucket = this.#bucketOf(field);
    bucket.lines.set(field, `${field}\0${version}\0${hash('sha256', text)}\n`);
    bucket.isHashed = false;
  }

  delete(field: ServiceKey): void {
    const bucket = this.#bucketOf(field);
    if (bucket.lines.delete(field)) bucket.isHashed = false;
  }

  /** Lower-case hexadecimal SHA-256. */
  hex(): string {
    for (const bucket of this.#buckets) {
      if (bucket.isHashed) continue;
      hashOf(bucket.lines).copy(this.#hashes, bucket.index * HASH_BYTES);
      bucket.isHashed = true;
    }
    return hash('sha256', this.#hashes);
  }

  /**
   * What the digest would be after the changes. `stored` is what it covers now: it is put back, for whether the
   * changes come to hold is decided elsewhere.
   */
  hexWith(changes: Iterable<StoreChange>, stored: ReadonlyMap<ServiceKey, StoredRecord>): string {
    this.hex();
    const before = Buffer.from(this.#hashes);
    const touched = new Map<ServiceKey, Bucket>();
    for (const { field, version, text } of changes) {
      touched.set(field, this.#bucketOf(field));
      if (text === undefined) this.delete(field);
      else this.set(field, version, text);
    }
    const hex = this.hex();
    for (const [field, bucket] of touched) {
      const record = stored.get(field);
      if (record === undefined) this.delete(field);
      else this.set(field, record.version, record.text);
      bucket.isHashed = true;
    }
    before.copy(this.#hashes);
    return hex;
  }

  #bucketOf(field: ServiceKey): Bucket {
    const bucket = this.#buckets[Number.parseInt(hash('sha256', field).slice(0, 2), 16)];
    if (bucket === undefined) throw new Error('a byte names no bucket');
    return bucket;
  }
}

export function digestOf(records: Iterable<StoredRecord>): string {
  const digest = new SetDigest();
  for (const { field, version, text } of records) digest.set(field, version, text);
  return digest.hex();
}

function hashOf(lines: ReadonlyMap<ServiceKey, string>): Buffer {
  let text = '';
  for (const field of [...lines.keys()].sort()) text += lines.get(field) ?? '';
  return hash('sha256', text, 'buffer');
}
