import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BytePool } from '../http/byte-pool.ts';
import { HeadBuffer } from './head-buffer.ts';

const HEAD = Buffer.from(`GET / HTTP/1.1\r\nx: ${'y'.repeat(50_000)}\r\n\r\n`, 'latin1');

class CountingPool extends BytePool {
  charges = 0;

  override charge(bytes: number): void {
    this.charges++;
    super.charge(bytes);
  }
}

test('a head that comes byte by byte is copied as often as its memory doubles', () => {
  const pool = new CountingPool(1024 * 1024);
  const head = new HeadBuffer(60 * 1024, pool);
  for (let at = 0; at < HEAD.length - 1; at++) {
    assert.equal(head.complete(HEAD.subarray(0, at + 1), at), false);
    assert.ok(pool.usedBytes >= at + 1 && pool.usedBytes < 2 * (at + 1), 'what is kept is counted');
  }
  assert.ok(pool.charges <= Math.ceil(Math.log2(HEAD.length)) + 1, `${pool.charges} times`);
  const last = Buffer.from('\nbody', 'latin1');
  assert.equal(head.complete(last, 0), true);
  assert.deepEqual(head.buffer.subarray(head.start, head.next), HEAD);
  assert.equal(head.buffer.toString('latin1', head.next), 'body');
  assert.equal(pool.usedBytes, 0);
});

test('the end of a head is where it is, at any place and after any line breaks', () => {
  const texts = [
    '\r\n\r\n',
    'a\r\n\r\n',
    '\r\r\n\r\n',
    '\n\r\n\r\n',
    '\r\n\r\r\n\r\n',
    'a\r\nb\r\n\r\n\r\n\r\n',
  ];
  for (const text of texts) {
    for (const before of [0, 1, 2, 3, 4, 5, 500, 505, 506, 507, 508, 509, 510, 511, 512, 513, 1000]) {
      const bytes = Buffer.from(`${'x'.repeat(before)}${text}yz`, 'latin1');
      const head = new HeadBuffer(60 * 1024, new BytePool(1024 * 1024));
      assert.equal(head.complete(bytes, 0), true);
      assert.equal(head.next, bytes.indexOf('\r\n\r\n') + 4, JSON.stringify([before, text]));
    }
  }
});
