import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BytePool } from './byte-pool.ts';
import { HeldData } from './held-data.ts';

test('keeps copies in order and gives the pool everything back', () => {
  const pool = new BytePool(40_000);
  const body = new HeldData(pool);
  const chunk = Buffer.from('..abc..');
  assert.ok(body.add(chunk, 2, 5));
  chunk.fill('x');
  const long = Buffer.alloc(10_000, 'l');
  assert.ok(body.add(long, 0, long.length));
  assert.ok(body.add(Buffer.from('defg'), 0, 4));
  assert.equal(Buffer.concat(body.chunks).toString(), `abc${long}defg`);
  assert.equal(body.bytes, 10_007);
  body.clear();
  assert.equal(pool.usedBytes, 0);
  assert.equal(body.bytes, 0);
  assert.deepEqual(body.chunks, []);
});

test('many tiny pieces share blocks, and the pool is charged for whole ones', () => {
  const pool = new BytePool(1_000_000);
  const body = new HeldData(pool);
  for (let i = 0; i < 10_000; i++) assert.ok(body.add(Buffer.from([i % 256]), 0, 1));
  assert.equal(body.chunks.length, 3);
  assert.equal(pool.usedBytes, 3 * 4096);
  const expected = Buffer.from(Array.from({ length: 10_000 }, (_, i) => i % 256));
  assert.ok(Buffer.concat(body.chunks).equals(expected));
});

test('a used-up pool refuses and keeps nothing of the chunk', () => {
  const pool = new BytePool(4096);
  const first = new HeldData(pool);
  const second = new HeldData(pool);
  assert.ok(first.add(Buffer.from('abc'), 0, 3));
  assert.ok(!second.add(Buffer.from('de'), 0, 2));
  assert.equal(second.bytes, 0);
  const more = Buffer.alloc(4096);
  assert.ok(!first.add(more, 0, more.length), 'not even the part that the last block has room for');
  assert.equal(Buffer.concat(first.chunks).toString(), 'abc');
  first.clear();
  assert.ok(second.add(Buffer.from('de'), 0, 2));
});

test('blocks that were given back are used again', () => {
  const pool = new BytePool(1_000_000);
  const block = pool.takeBlock(16 * 1024);
  assert.ok(block !== undefined);
  pool.giveBlock(block);
  assert.equal(pool.takeBlock(16 * 1024), block);
  assert.equal(pool.takeBlock(100)?.length, 4096);
});
