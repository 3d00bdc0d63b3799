import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BytePool } from './byte-pool.ts';

function poolWith(usedBytes: number): BytePool {
  const pool = new BytePool(1000);
  pool.charge(usedBytes);
  return pool;
}

describe('patience with readers that stand still', () => {
  const table: ReadonlyArray<readonly [usedBytes: number, flushTimeoutMs: number, patienceMs: number]> = [
    [699, 300_000, 300_000],
    [699, 0, 0],
    [700, 300_000, 2000],
    [700, 0, 2000],
    [700, 1000, 1000],
    [850, 300_000, 1000],
    [950, 0, 500],
    [1100, 300_000, 500],
  ];
  for (const [usedBytes, flushTimeoutMs, patienceMs] of table) {
    test(`${usedBytes} of 1000 bytes held, ${flushTimeoutMs} ms at other times: ${patienceMs} ms`, () => {
      assert.equal(Math.round(poolWith(usedBytes).patienceMs(flushTimeoutMs)), patienceMs);
    });
  }
});

test('past half, nobody may hold more than an eighth', () => {
  assert.equal(poolWith(500).exceedsShare(900), false);
  assert.equal(poolWith(501).exceedsShare(126), true);
  assert.equal(poolWith(501).exceedsShare(125), false);
});
