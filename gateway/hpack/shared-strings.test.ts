import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HpackDecoder } from './decoder.ts';
import { HpackEncoder } from './encoder.ts';
import { SensitiveNames } from './indexing.ts';
import { SharedStrings } from './shared-strings.ts';

/** Counts what is asked for; sameness of two strings cannot be seen from outside. */
class CountedStrings extends SharedStrings {
  readonly asked: string[] = [];

  override of(text: string): string {
    this.asked.push(text);
    return super.of(text);
  }
}

describe('strings that all HPACK tables of a worker share', () => {
  it('are what was asked for, whatever was asked for before', () => {
    const strings = new SharedStrings();
    for (let round = 0; round < 3; round++) {
      for (let count = 0; count < 5000; count++) assert.equal(strings.of(`value ${count}`), `value ${count}`);
    }
    const long = 'x'.repeat(5000);
    assert.equal(strings.of(long), long);
    assert.equal(strings.of('caf\xe9'), 'caf\xe9');
  });

  it('are asked for once per entry of a table, and never for a secret', () => {
    const strings = new CountedStrings();
    const encoder = new HpackEncoder({
      maxTableBytes: 4096,
      huffman: false,
      sensitive: new SensitiveNames(),
      strings,
    });
    const limits = { maxTableBytes: 4096, maxFields: 100, maxListBytes: 61_440 };
    const decoder = new HpackDecoder({ ...limits, strings }, Buffer.alloc(1024));
    const block = ['x-kept', 'kept', 'authorization', 'Bearer secret'];
    for (let count = 0; count < 3; count++) {
      const target = Buffer.alloc(encoder.maxEncodedBytes(block));
      assert.deepEqual(decoder.decode(target, 0, encoder.encode(block, target, 0)), block);
    }
    assert.deepEqual(strings.asked, ['kept', 'x-kept', 'kept']);
    // A client may put its secret into the table of its own connection (RFC 7541 section 7.1.3 asks it not to).
    const bytes = Buffer.from([0x40 | 23, 6, ...Buffer.from('secret')]);
    assert.deepEqual(decoder.decode(bytes, 0, bytes.length), ['authorization', 'secret']);
    assert.equal(strings.asked.length, 3);
  });
});
