import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BytePool } from '../http/byte-pool.ts';
import { KeptBody } from './kept-body.ts';

test('keeps copies in order and gives the pool everything back', () => {
  const pool = new BytePool(10);
  const body = new KeptBody(pool);
  const chunk = Buffer.from('..abc..');
  assert.ok(body.append(chunk, 2, 5));
  chunk.fill('x');
  assert.ok(body.append(Buffer.from('defg'), 0, 4));
  assert.equal(Buffer.concat(body.chunks).toString(), 'abcdefg');
  assert.equal(pool.usedBytes, 7);
  body.release();
  assert.equal(pool.usedBytes, 0);
  assert.equal(body.bytes, 0);
});

test('a used-up pool refuses and keeps nothing of the chunk', () => {
  const pool = new BytePool(4);
  const first = new KeptBody(pool);
  const second = new KeptBody(pool);
  assert.ok(first.append(Buffer.from('abc'), 0, 3));
  assert.ok(!second.append(Buffer.from('de'), 0, 2));
  assert.equal(second.bytes, 0);
  first.release();
  assert.ok(second.append(Buffer.from('de'), 0, 2));
});
