import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UserError } from '../../federation/model/user-error.ts';
import { type DemoFlags, parseDemoFlags } from './demo-options.ts';

const KILL: DemoFlags = { loss: 'kill' };

function refused(flags: DemoFlags, message: RegExp): void {
  assert.throws(
    () => parseDemoFlags(flags),
    (failure: unknown) =>
      failure instanceof UserError && failure.exitCode === 2 && message.test(failure.message),
  );
}

test('keys, a tour, or a measurement', () => {
  assert.deepEqual(parseDemoFlags(KILL).mode, { kind: 'keys' });
  assert.deepEqual(parseDemoFlags({ ...KILL, tour: true }).mode, { kind: 'tour' });
  assert.deepEqual(parseDemoFlags({ ...KILL, json: true, seconds: '30' }).mode, {
    kind: 'measured',
    seconds: 30,
  });
  assert.deepEqual(parseDemoFlags({ ...KILL, json: true }).mode, { kind: 'measured', seconds: 40 });
});

test('an outage only of a Redis that is the demo’s own, under measurement', () => {
  const outage = { ...KILL, json: true, redisOutage: '10' };
  assert.equal(parseDemoFlags({ ...outage, redis: true }).redisOutageSeconds, 10);
  refused(outage, /started itself/);
  refused({ ...outage, redis: 'redis://127.0.0.1:6379' }, /started itself/);
  refused({ ...KILL, redis: true, redisOutage: '10' }, /needs --json/);
  refused({ ...outage, redis: true, seconds: '24', redisOutage: '13' }, /twice/);
});

test('what makes no sense is wrong usage', () => {
  refused({ loss: 'explode' }, /kill or freeze/);
  refused({ ...KILL, seconds: '40' }, /needs --json/);
  refused({ ...KILL, json: true, seconds: '3' }, /--seconds 3/);
  refused({ ...KILL, json: true, seconds: 'many' }, /whole number/);
  refused({ ...KILL, redis: 'localhost' }, /not a redis/);
});
