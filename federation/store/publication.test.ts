import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { testRecord } from '../../test/fixtures/store-clusters.ts';
import { type ServiceRecord, serviceKey } from '../model/service.ts';
import { digestOf } from './digest.ts';
import { MAX_BATCH_CHANGES, MAX_RECORDS, MAX_SET_BYTES } from './limits.ts';
import { type Batch, Publication } from './publication.ts';
import { encodeRecord } from './record.ts';

const WINDOW_MS = 20;

function set(publication: Publication, record: ServiceRecord, nowMs = 0): void {
  publication.set(serviceKey(record.service), record, nowMs);
}

function fieldsOf(batch: Batch): readonly string[] {
  return batch.changes.map(({ field, text }) => `${text === undefined ? '-' : '+'}${field}`);
}

/** As if the store took everything that is pending. */
function write(publication: Publication, nowMs = 0): void {
  while (publication.pendingCount > 0) publication.written(publication.nextBatch(), nowMs);
}

describe('a publication', () => {
  it('lets additions wait for company, counted from the first', () => {
    const publication = new Publication();
    assert.equal(publication.dueMs(WINDOW_MS), undefined);
    set(publication, testRecord('cart'), 100);
    set(publication, testRecord('pay'), 115);
    assert.equal(publication.dueMs(WINDOW_MS), 120);
    assert.deepEqual(fieldsOf(publication.nextBatch()), ['+shop/cart', '+shop/pay']);
  });

  it('sends withdrawals at once, and first', () => {
    const publication = new Publication();
    for (const name of ['cart', 'pay', 'stock']) set(publication, testRecord(name, 3));
    write(publication);
    set(publication, testRecord('new'), 100);
    publication.delete('shop/cart', 101);
    set(publication, testRecord('pay', 2), 102);
    assert.ok((publication.dueMs(WINDOW_MS) ?? 0) <= 100);
    assert.deepEqual(fieldsOf(publication.nextBatch()), ['-shop/cart', '+shop/pay', '+shop/new']);
  });

  it('counts more healthy hosts, or another time, as no withdrawal', () => {
    const publication = new Publication();
    set(publication, testRecord('cart', 2));
    write(publication);
    set(publication, testRecord('cart', 3, 7), 100);
    assert.equal(publication.dueMs(WINDOW_MS), 120);
  });

  it('counts a port that is gone, and a locality that is gone, as withdrawals', () => {
    for (const change of [{ ports: [] }, { localities: [] }]) {
      const publication = new Publication();
      set(publication, testRecord('cart'));
      write(publication);
      set(publication, { ...testRecord('cart'), ...change }, 100);
      assert.ok((publication.dueMs(WINDOW_MS) ?? 0) <= 100);
    }
  });

  it('has nothing to send when a change was taken back in time', () => {
    const publication = new Publication();
    set(publication, testRecord('cart', 3));
    write(publication);
    set(publication, testRecord('cart', 1), 1);
    set(publication, testRecord('cart', 3), 2);
    publication.delete('shop/cart', 3);
    set(publication, testRecord('cart', 3), 4);
    set(publication, testRecord('never'), 5);
    publication.delete('shop/never', 6);
    assert.equal(publication.pendingCount, 0);
    assert.equal(publication.dueMs(WINDOW_MS), undefined);
  });

  it('keeps what changed while its batch was under way', () => {
    const publication = new Publication();
    set(publication, testRecord('cart', 3));
    const batch = publication.nextBatch();
    set(publication, testRecord('cart', 1), 5);
    publication.written(batch, 6);
    assert.deepEqual(fieldsOf(publication.nextBatch()), ['+shop/cart']);
    assert.equal(publication.nextBatch().changes[0]?.text, encodeRecord(testRecord('cart', 1)));
  });

  it('cuts batches to size', () => {
    const publication = new Publication();
    for (let i = 0; i < MAX_BATCH_CHANGES + 1; i++) set(publication, testRecord(`service-${i}`));
    const first = publication.nextBatch();
    assert.equal(first.changes.length, MAX_BATCH_CHANGES);
    publication.written(first, 0);
    assert.equal(publication.nextBatch().changes.length, 1);
  });

  it('adopts what an earlier leader wrote, and sends the difference', () => {
    const publication = new Publication();
    for (const name of ['same', 'changed', 'new']) set(publication, testRecord(name));
    const text = (name: string, healthy = 3): string => encodeRecord(testRecord(name, healthy));
    publication.adopt(
      [
        { field: 'shop/same', version: 7, text: text('same') },
        { field: 'shop/changed', version: 8, text: text('changed', 1) },
        { field: 'shop/gone', version: 9, text: text('gone') },
      ],
      9,
      0,
    );
    const batch = publication.nextBatch();
    assert.deepEqual([...fieldsOf(batch)].sort(), ['+shop/changed', '+shop/new', '-shop/gone']);
    assert.deepEqual(
      batch.changes.map(({ version }) => version),
      [10, 11, 12],
    );
    assert.equal(batch.size, 3);
  });

  it('refuses more services than readers take', () => {
    const publication = new Publication();
    for (let i = 0; i < MAX_RECORDS; i++) set(publication, testRecord(`service-${i}`));
    assert.throws(() => set(publication, testRecord('one-more')), RangeError);
    set(publication, testRecord('service-1', 1));
  });

  it('refuses more bytes than readers take, until there is room', () => {
    const publication = new Publication();
    const counts = { hosts: 3, healthy: 3, degraded: 0, excluded: 0, weight: 3 };
    const localities = Array.from({ length: 100 }, (_, index) => ({
      locality: { region: 'r'.repeat(63), zone: `${'z'.repeat(60)}${index}` },
      ...counts,
    }));
    const large = (index: number) => ({ ...testRecord(`service-${index}`), localities });
    const bytes = Buffer.byteLength(encodeRecord(large(0)));
    const fitting = Math.floor(MAX_SET_BYTES / (bytes + 40));
    for (let i = 0; i < fitting; i++) set(publication, large(i));
    assert.throws(() => {
      for (let i = fitting; i < fitting * 1.1; i++) set(publication, large(i));
    }, /take at most 50331648 bytes/);
    publication.delete('shop/service-0', 0);
    set(publication, large(0));
  });

  it('refuses what readers would refuse a whole head for, and keeps what was there', () => {
    const publication = new Publication();
    set(publication, testRecord('cart'));
    const ports = [{ name: 'http', port: 0, protocol: 'http', appProtocol: undefined }] as const;
    assert.throws(() => set(publication, { ...testRecord('cart'), ports }), /ports\.0\.port/);
    assert.equal(publication.nextBatch().changes[0]?.text, encodeRecord(testRecord('cart')));
  });

  it('brings a reader of its batches to what is wanted, whatever is set and whenever it is written', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('set' as const),
        name: fc.constantFrom('a', 'b', 'c'),
        healthy: fc.nat(3),
      }),
      fc.record({ kind: fc.constant('delete' as const), name: fc.constantFrom('a', 'b', 'c') }),
      fc.record({ kind: fc.constant('write' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const publication = new Publication();
        const wanted = new Map<string, string>();
        const store = new Map<string, { field: string; version: number; text: string }>();
        let version = 0;
        const deliver = (): void => {
          const batch = publication.nextBatch();
          for (const change of batch.changes) {
            assert.equal(change.version, ++version, 'versions are contiguous');
            if (change.text === undefined) store.delete(change.field);
            else store.set(change.field, { ...change, text: change.text });
          }
          assert.equal(batch.digest, digestOf(store.values()));
          assert.equal(batch.size, store.size);
          publication.written(batch, 0);
        };
        for (const taken of steps) {
          if (taken.kind === 'write') deliver();
          if (taken.kind === 'set') {
            set(publication, testRecord(taken.name, taken.healthy));
            wanted.set(`shop/${taken.name}`, encodeRecord(testRecord(taken.name, taken.healthy)));
          }
          if (taken.kind === 'delete') {
            publication.delete(`shop/${taken.name}`, 0);
            wanted.delete(`shop/${taken.name}`);
          }
        }
        while (publication.pendingCount > 0) deliver();
        assert.deepEqual(new Map([...store].map(([field, { text }]) => [field, text])), wanted);
      }),
    );
  });
});
