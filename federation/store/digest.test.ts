import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { digestOf, SetDigest } from './digest.ts';
import type { StoreChange, StoredRecord } from './driver.ts';

/** Each hashes 256 buckets, some of them many times. */
const RUNS = { numRuns: 40 };

const field = fc.constantFrom('a/a', 'a/b', 'b/a', 'shop/cart', 'shop/pay', 'x/y');
const version = fc.nat(5);
const text = fc.constantFrom('{}', '{"a":1}', '');
const stored = fc.record({ field, version, text });
const change = fc.record({ field, version, text: fc.option(text, { nil: undefined }) });

/** The definition, told once more without any cleverness. */
function plainDigest(records: ReadonlyMap<string, StoredRecord>): string {
  const sha = (content: string | Buffer): Buffer => createHash('sha256').update(content).digest();
  const buckets = Array.from({ length: 256 }, (_, byte) => {
    const mine = [...records.values()].filter((record) => sha(record.field)[0] === byte);
    const sorted = mine.sort((a, b) => (a.field < b.field ? -1 : 1));
    return sha(sorted.map((r) => `${r.field}\0${r.version}\0${sha(r.text).toString('hex')}\n`).join(''));
  });
  return sha(Buffer.concat(buckets)).toString('hex');
}

function applied(
  records: Iterable<StoredRecord>,
  changes: readonly StoreChange[],
): Map<string, StoredRecord> {
  const set = new Map([...records].map((record) => [record.field, record]));
  for (const { field, version, text } of changes) {
    if (text === undefined) set.delete(field);
    else set.set(field, { field, version, text });
  }
  return set;
}

describe('digest of a set', () => {
  it('is what its definition says', () => {
    fc.assert(
      fc.property(fc.array(stored), (records) => {
        assert.equal(digestOf(records), plainDigest(applied(records, [])));
      }),
      RUNS,
    );
  });

  it('kept up to date is that of the set from scratch', () => {
    fc.assert(
      fc.property(fc.array(fc.array(change)), (batches) => {
        const digest = new SetDigest();
        let set = new Map<string, StoredRecord>();
        for (const batch of batches) {
          for (const { field, version, text } of batch) {
            if (text === undefined) digest.delete(field);
            else digest.set(field, version, text);
          }
          set = applied(set.values(), batch);
          assert.equal(digest.hex(), plainDigest(set));
        }
      }),
      RUNS,
    );
  });

  it('tells what changes would make of it, and stays what it was', () => {
    fc.assert(
      fc.property(fc.array(stored), fc.array(change), (records, changes) => {
        const set = applied(records, []);
        const digest = new SetDigest();
        for (const { field, version, text } of set.values()) digest.set(field, version, text);
        assert.equal(digest.hexWith(changes), plainDigest(applied(set.values(), changes)));
        assert.equal(digest.hex(), plainDigest(set));
      }),
      RUNS,
    );
  });

  it('takes in what it was asked about before, and what it was not', () => {
    const asked = fc.record({
      changes: fc.array(change),
      others: fc.array(change),
      between: fc.option(stored),
    });
    fc.assert(
      fc.property(fc.array(stored), fc.array(asked), (records, batches) => {
        const digest = new SetDigest();
        let set = applied(records, []);
        for (const { field, version, text } of set.values()) digest.set(field, version, text);
        for (const { changes, others, between } of batches) {
          digest.hexWith(changes);
          if (between !== null) {
            digest.set(between.field, between.version, between.text);
            set = applied([...set.values(), between], []);
          }
          digest.apply(changes);
          digest.hexWith(others);
          digest.apply(changes);
          set = applied(set.values(), changes);
          assert.equal(digest.hex(), plainDigest(set));
        }
      }),
      RUNS,
    );
  });

  it('differs for any other field, version, text or number of records', () => {
    const base = { field: 'shop/cart', version: 1, text: '{}' };
    const others = [
      [],
      [{ ...base, field: 'shop/carT' }],
      [{ ...base, version: 2 }],
      [{ ...base, text: '{ }' }],
      [base, { ...base, field: 'shop/pay' }],
    ];
    const digests = new Set([[base], ...others].map(digestOf));
    assert.equal(digests.size, others.length + 1);
  });
});
