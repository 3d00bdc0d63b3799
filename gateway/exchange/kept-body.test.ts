import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BytePool } from '../http/byte-pool.ts';
import { KeptBody } from './kept-body.ts';

test('keeps copies in order and gives the pool everything back', () => {
  const pool = new BytePool(20_000);
  const body = new KeptBody(pool);
  const chunk = Buffer.from('..abc..');
  assert.ok(body.append(chunk, 2, 5));
  chunk.fill('x');
  const long = Buffer.alloc(10_000, 'l');
  assert.ok(body.append(long, 0, long.length));
  assert.ok(body.append(Buffer.from('defg'), 0, 4));
  assert.equal(Buffer.concat(body.chunks).toString(), `abc${long}defg`);
  assert.equal(body.bytes, 10_007);
  body.release();
  assert.equal(pool.usedBytes, 0);
  assert.equal(body.bytes, 0);
  assert.deepEqual(body.chunks, []);
});

test('many tiny pieces share blocks, and the pool is charged for whole ones', () => {
  const pool = new BytePool(1_000_000);
  const body = new KeptBody(pool);
  for (let i = 0; i < 10_000; i++) assert.ok(body.append(Buffer.from([i % 256]), 0, 1));
  assert.equal(body.chunks.length, 3);
  assert.equal(pool.usedBytes, 3 * 4096);
  const expected = Buffer.from(Array.from({ length: 10_000 }, (_, i) => i % 256));
  assert.ok(Buffer.concat(body.chunks).equals(expected));
});

test('a used-up pool refuses and keeps nothing of the chunk', () => {
  const pool = new BytePool(4096);
  const first = new KeptBody(pool);
  const second = new KeptBody(pool);
  assert.ok(first.append(Buffer.from('abc'), 0, 3));
  assert.ok(!second.append(Buffer.from('de'), 0, 2));
  assert.equal(second.bytes, 0);
  const more = Buffer.alloc(4096);
  assert.ok(!first.append(more, 0, more.length), 'not even the part that the last block has room for');
  assert.equal(Buffer.concat(first.chunks).toString(), 'abc');
  first.release();
  assert.ok(second.append(Buffer.from('de'), 0, 2));
});
