import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  DerError,
  DerReader,
  readAscii,
  readBoolean,
  readNamedBits,
  readObjectIdentifier,
  readSmallInteger,
  readTime,
  readWhole,
  TAG,
} from './der.ts';

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

function time(tag: number, text: string): number {
  const content = Buffer.from(text);
  return readTime({ tag, whole: content, content });
}

describe('DerReader', () => {
  it('walks elements, long lengths included', () => {
    const reader = new DerReader(Buffer.concat([bytes('02 01 05 04 81 80'), Buffer.alloc(128, 7)]));
    assert.equal(readSmallInteger(reader.expect(TAG.integer).content), 5);
    assert.equal(reader.optional(TAG.boolean), undefined);
    assert.equal(reader.expect(TAG.octetString).content.length, 128);
    reader.end();
  });

  const broken: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['a tag alone', '30'],
    ['content cut off', '30 02 00'],
    ['a length cut off', '30 82 01'],
    ['an indefinite length', '30 80 00 00'],
    ['a length that is not minimal', '04 81 01 00'],
    ['a long length that is not minimal', `04 82 00 80 ${'00'.repeat(128)}`],
    ['a length of four bytes', '04 84 00 00 00 01 00'],
    ['a tag of several bytes', '1f 81 00 00'],
  ];
  for (const [what, hex] of broken) {
    it(`refuses ${what}`, () => assert.throws(() => new DerReader(bytes(hex)).next(), DerError));
  }

  it('refuses another tag, and something at the end', () => {
    assert.throws(() => readWhole(bytes('04 00'), TAG.sequence), DerError);
    assert.throws(() => readWhole(bytes('30 00 00'), TAG.sequence), DerError);
  });
});

describe('values', () => {
  it('are read only in their one form', () => {
    assert.equal(readBoolean(bytes('ff')), true);
    assert.equal(readBoolean(bytes('00')), false);
    for (const hex of ['', '01', 'ffff']) assert.throws(() => readBoolean(bytes(hex)), DerError);
    assert.equal(readSmallInteger(bytes('00 ff')), 255);
    for (const hex of ['', 'ff', '00 01', '00 ff ff ff ff ff']) {
      assert.throws(() => readSmallInteger(bytes(hex)), DerError);
    }
    assert.equal(readObjectIdentifier(bytes('55 1d 11')), '2.5.29.17');
    assert.equal(readObjectIdentifier(bytes('2a 86 48 ce 3d 04 03 02')), '1.2.840.10045.4.3.2');
    assert.equal(readObjectIdentifier(bytes('88 37 01')), '2.999.1');
    for (const hex of ['', '55 80 11', '55 9d', '55 ff ff ff ff ff 7f']) {
      assert.throws(() => readObjectIdentifier(bytes(hex)), DerError);
    }
    assert.deepEqual([...readNamedBits(bytes('01 06'))], [5, 6]);
    for (const hex of ['', '01', '08 00', '01 07']) assert.throws(() => readNamedBits(bytes(hex)), DerError);
    assert.throws(() => readAscii(bytes('61 80')), DerError);
  });

  it('are times that exist', () => {
    assert.equal(time(TAG.utcTime, '260601120000Z'), Date.UTC(2026, 5, 1, 12));
    assert.equal(time(TAG.utcTime, '490601120000Z'), Date.UTC(2049, 5, 1, 12));
    assert.equal(time(TAG.utcTime, '500601120000Z'), Date.UTC(1950, 5, 1, 12));
    assert.equal(time(TAG.generalizedTime, '20500229000000Z'.replace('0229', '0228')), Date.UTC(2050, 1, 28));
    for (const text of [
      '260229000000Z',
      '261301000000Z',
      '260100000000Z',
      '260601240000Z',
      '260601126000Z',
    ]) {
      assert.throws(() => time(TAG.utcTime, text), DerError, text);
    }
    for (const text of ['2606011200Z', '260601120000+0000', '20260601120000Z', '']) {
      assert.throws(() => time(TAG.utcTime, text), DerError, text);
    }
    assert.throws(() => time(TAG.octetString, '20260601120000Z'), DerError);
  });

  it('answer anything else with DerError alone', () => {
    const readers = [readBoolean, readSmallInteger, readObjectIdentifier, readNamedBits, readAscii];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), fc.constantFrom(...readers), (content, read) => {
        try {
          read(content);
        } catch (error) {
          assert.ok(error instanceof DerError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
