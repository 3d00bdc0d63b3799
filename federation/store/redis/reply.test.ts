import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MAX_FIELD_BYTES, MAX_HEAD_BYTES, MAX_RECORD_BYTES } from '../limits.ts';
import { parseLogEntry, parseStored, printStored } from './reply.ts';

const pairs = (fields: Readonly<Record<string, string>>): Buffer[] =>
  Object.entries(fields).flatMap(([name, value]) => [Buffer.from(name), Buffer.from(value)]);

describe('an entry of a log', () => {
  it('is a change, a withdrawal, a head or a reset', () => {
    const change = { kind: 'change', change: { field: 'a/b', version: 7, text: '{}' } };
    assert.deepEqual(parseLogEntry(pairs({ v: '7', f: 'a/b', r: '{}' })), change);
    const withdrawal = { kind: 'change', change: { field: 'a/b', version: 7, text: undefined } };
    assert.deepEqual(parseLogEntry(pairs({ v: '7', f: 'a/b' })), withdrawal);
    assert.deepEqual(parseLogEntry(pairs({ h: 'x' })), { kind: 'head', head: new Uint8Array([0x78]) });
    assert.deepEqual(parseLogEntry(pairs({ x: '1' })), { kind: 'reset' });
  });

  it('is malformed without a version or a service, and when it is too long', () => {
    const bad: readonly Readonly<Record<string, string>>[] = [
      {},
      { f: 'a/b' },
      { v: '7' },
      { v: '-7', f: 'a/b' },
      { v: '7.5', f: 'a/b' },
      { v: '9007199254740993', f: 'a/b' },
      { v: '7', f: 'x'.repeat(MAX_FIELD_BYTES + 1) },
      { v: '7', f: 'a/b', r: 'x'.repeat(MAX_RECORD_BYTES + 1) },
    ];
    for (const fields of bad) assert.equal(parseLogEntry(pairs(fields)).kind, 'malformed');
  });

  it('keeps no more of a head than is needed to refuse it', () => {
    const entry = parseLogEntry(pairs({ h: 'x'.repeat(10 * MAX_HEAD_BYTES) }));
    assert.equal(entry.kind === 'head' ? entry.head.length : 0, MAX_HEAD_BYTES + 1);
  });

  it('is something for any bytes', () => {
    const any = fc.array(fc.tuple(fc.uint8Array(), fc.uint8Array()));
    fc.assert(
      fc.property(any, (fields) => {
        const entry = parseLogEntry(fields.flat().map((bytes) => Buffer.from(bytes)));
        assert.ok(['change', 'reset', 'head', 'malformed'].includes(entry.kind));
      }),
    );
  });
});

describe('a value of the hash', () => {
  it('comes back as it was', () => {
    const record = { field: 'a/b', version: 12, text: '{"a": "b c"}' };
    assert.deepEqual(parseStored('a/b', Buffer.from(printStored(record))), record);
  });

  it('is none without a version', () => {
    for (const text of ['', '{}', ' {}', 'x {}', '-1 {}', '1e3 {}']) {
      assert.equal(parseStored('a/b', Buffer.from(text)), undefined);
    }
  });
});
