import type { StoredRecord } from './driver.ts';
import { MAX_BATCH_BYTES, MAX_BATCH_CHANGES } from './limits.ts';

/** Cuts a set into pieces of which each is small enough for one write. */
export function* batches(records: readonly StoredRecord[]): Generator<readonly StoredRecord[]> {
  let part: StoredRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = record.field.length + record.text.length;
    if (part.length > 0 && (part.length >= MAX_BATCH_CHANGES || bytes + size > MAX_BATCH_BYTES)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(record);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
