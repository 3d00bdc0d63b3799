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

interface TriedLine {
  readonly bucket: Bucket;
  readonly field: ServiceKey;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

interface Trial {
  readonly name: object;
  readonly lines: readonly TriedLine[];
  /** All buckets', with the changes. */
  readonly hashes: Buffer;
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
  /** What the last `hexWith` came to, while nothing else has changed. */
  #tried: Trial | undefined;

  set(field: ServiceKey, version: number, text: string): void {
    this.#tried = undefined;
    this.#write(this.#bucketOf(field), field, lineOf(field, version, text));
  }

  delete(field: ServiceKey): void {
    this.#tried = undefined;
    this.#write(this.#bucketOf(field), field, undefined);
  }

  /**
   * Takes changes in. What `hexWith` found out about them is not found out again.
   * @param name the same object as there, where it was of the same changes
   */
  apply(changes: Iterable<StoreChange>, name: object = changes): void {
    const tried = this.#tried;
    this.#tried = undefined;
    if (tried?.name !== name) {
      for (const { field, version, text } of changes) {
        this.#write(
          this.#bucketOf(field),
          field,
          text === undefined ? undefined : lineOf(field, version, text),
        );
      }
      return;
    }
    for (const { bucket, field, after } of tried.lines) this.#write(bucket, field, after);
    for (const { bucket } of tried.lines) bucket.isHashed = true;
    tried.hashes.copy(this.#hashes);
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

  /** What the digest would be after the changes: whether they come to hold is decided elsewhere. */
  hexWith(changes: Iterable<StoreChange>, name: object = changes): string {
    this.hex();
    const before = Buffer.from(this.#hashes);
    const lines: TriedLine[] = [];
    for (const { field, version, text } of changes) {
      const bucket = this.#bucketOf(field);
      const after = text === undefined ? undefined : lineOf(field, version, text);
      lines.push({ bucket, field, before: bucket.lines.get(field), after });
      this.#write(bucket, field, after);
    }
    const hex = this.hex();
    this.#tried = { name, lines, hashes: Buffer.from(this.#hashes) };
    // The last change of a field first, for each says what was there before it.
    for (const { bucket, field, before: line } of lines.toReversed()) {
      this.#write(bucket, field, line);
    }
    for (const { bucket } of lines) bucket.isHashed = true;
    before.copy(this.#hashes);
    return hex;
  }

  #write(bucket: Bucket, field: ServiceKey, line: string | undefined): void {
    if (line !== undefined) bucket.lines.set(field, line);
    else if (!bucket.lines.delete(field)) return;
    bucket.isHashed = false;
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

function lineOf(field: ServiceKey, version: number, text: string): string {
  return `${field}\0${version}\0${hash('sha256', text)}\n`;
}

function hashOf(lines: ReadonlyMap<ServiceKey, string>): Buffer {
  let text = '';
  for (const field of [...lines.keys()].sort()) text += lines.get(field) ?? '';
  return hash('sha256', text, 'buffer');
}
