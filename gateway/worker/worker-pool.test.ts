import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { createOperationLog } from '../telemetry/operation-log.ts';
import { WorkerPool } from './worker-pool.ts';

test('a connection waits for a worker, unless the drain has begun', async () => {
  const pool = new WorkerPool({
    workers: 0,
    clock: new ManualClock(),
    random: () => 0.5,
    log: createOperationLog('test'),
    introduce: () => assert.fail(),
    message: () => assert.fail(),
    gone: () => assert.fail(),
  });
  pool.start();
  const before = new Socket();
  pool.handOut(before, { kind: 'http' });
  assert.ok(!before.destroyed);
  await pool.drain(0);
  assert.ok(before.destroyed);
  const after = new Socket();
  pool.handOut(after, { kind: 'http' });
  assert.ok(after.destroyed);
});
