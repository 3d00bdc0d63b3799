import { createHash } from 'node:crypto';
import type { ServiceKey } from '../model/service.ts';
import type { StoreChange, StoredRecord } from './driver.ts';

const BUCKETS = 256;

interface Bucket {
  /** By field: the line that is hashed. */
  readonly lines: Map<ServiceKey, string>;
  hash: Buffer | undefined;
}

/**
 * The digest of a set of services, kept up to date: only buckets that were touched are hashed again. A field's
 * bucket is the first byte of its SHA-256; a bucket's hash covers its lines `field NUL version NUL
 * SHA-256(record) LF` in order of their fields; the digest covers the 256 hashes.
 */
export class SetDigest {
  readonly #buckets: readonly Bucket[] = Array.from({ length: BUCKETS }, () => ({
    lines: new Map(),
    hash: undefined,
  }));

  set(field: ServiceKey, version: number, text: string): void {
    const bucket = this.#bucket(field);
    bucket.lines.set(field, `${field}\0${version}\0${sha256(text).toString('hex')}\n`);
    bucket.hash = undefined;
  }

  delete(field: ServiceKey): void {
    const bucket = this.#bucket(field);
    if (bucket.lines.delete(field)) bucket.hash = undefined;
  }

  /** Lower-case hexadecimal SHA-256. */
  hex(): string {
    const whole = createHash('sha256');
    for (const bucket of this.#buckets) {
      bucket.hash ??= bucketHash(bucket.lines);
      whole.update(bucket.hash);
    }
    return whole.digest('hex');
  }

  /**
   * What the digest would be after the changes. `stored` is what it covers now: it is put back, for whether the
   * changes come to hold is decided elsewhere.
   */
  hexWith(changes: Iterable<StoreChange>, stored: ReadonlyMap<ServiceKey, StoredRecord>): string {
    const touched: ServiceKey[] = [];
    for (const { field, version, text } of changes) {
      touched.push(field);
      if (text === undefined) this.delete(field);
      else this.set(field, version, text);
    }
    const hex = this.hex();
    for (const field of touched) {
      const before = stored.get(field);
      if (before === undefined) this.delete(field);
      else this.set(field, before.version, before.text);
    }
    return hex;
  }

  #bucket(field: ServiceKey): Bucket {
    const bucket = this.#buckets[sha256(field)[0] ?? 0];
    if (bucket === undefined) throw new Error('a byte names no bucket');
    return bucket;
  }
}

export function digestOf(records: Iterable<StoredRecord>): string {
  const digest = new SetDigest();
  for (const { field, version, text } of records) digest.set(field, version, text);
  return digest.hex();
}

function bucketHash(lines: ReadonlyMap<ServiceKey, string>): Buffer {
  const hash = createHash('sha256');
  for (const field of [...lines.keys()].sort()) hash.update(lines.get(field) ?? '');
  return hash.digest();
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
