import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decide, LEASE_TIMES, type LeaseState, mayTake, observe } from './lease-state.ts';

const leader: LeaseState = { kind: 'leader', renewedAtMs: 1000, tryAtMs: 3000 };
const seen = {
  resourceVersion: '1',
  holder: 'other',
  offered: false,
  durationMs: 15_000,
  sinceMs: 1000,
  seenAtMs: 8000,
};

describe('an election', () => {
  it('has a leader renew in time, and step down before anybody else may lead', () => {
    assert.deepEqual(decide(2000, leader, LEASE_TIMES), { kind: 'wait', untilMs: 3000 });
    assert.deepEqual(decide(3000, leader, LEASE_TIMES), { kind: 'renew', withinMs: 8000 });
    assert.deepEqual(decide(10_999, leader, LEASE_TIMES), { kind: 'renew', withinMs: 1 });
    assert.deepEqual(decide(11_000, leader, LEASE_TIMES), { kind: 'step-down' });
    const late = { ...leader, tryAtMs: 99_000 };
    assert.deepEqual(decide(5000, late, LEASE_TIMES), { kind: 'wait', untilMs: 11_000 });
    assert.equal(mayTake(11_000, seen, 'me', LEASE_TIMES), false);
  });

  it('has a candidate look now and then', () => {
    const candidate: LeaseState = { kind: 'candidate', seen: undefined, tryAtMs: 500 };
    assert.deepEqual(decide(499, candidate, LEASE_TIMES), { kind: 'wait', untilMs: 500 });
    assert.deepEqual(decide(500, candidate, LEASE_TIMES), { kind: 'look' });
  });

  it('lets a silent leader go by our own clock alone, and one that writes never', () => {
    assert.equal(mayTake(15_999, seen, 'me', LEASE_TIMES), false);
    assert.equal(mayTake(16_000, seen, 'me', LEASE_TIMES), true);
    const same = observe(9000, seen, { ...seen, holder: 'other' }, LEASE_TIMES);
    assert.deepEqual([same.sinceMs, same.seenAtMs], [1000, 9000]);
    const renewed = observe(9000, seen, { ...seen, resourceVersion: '2' }, LEASE_TIMES);
    assert.equal(renewed.sinceMs, 9000);
    assert.equal(observe(9000, undefined, seen, LEASE_TIMES).sinceMs, 9000);
  });

  it('counts no time in which nobody could renew, for then nobody could look', () => {
    const nearly = observe(17_999, seen, seen, LEASE_TIMES);
    assert.equal(mayTake(17_999, nearly, 'me', LEASE_TIMES), true);
    const after = observe(18_000, seen, seen, LEASE_TIMES);
    assert.equal(after.sinceMs, 18_000);
    assert.equal(mayTake(32_999, after, 'me', LEASE_TIMES), false);
    assert.equal(mayTake(33_000, after, 'me', LEASE_TIMES), true);
  });

  it('takes at once what was given back, or is its own', () => {
    assert.equal(mayTake(1000, { ...seen, holder: '' }, 'me', LEASE_TIMES), true);
    assert.equal(mayTake(1000, { ...seen, holder: 'me' }, 'me', LEASE_TIMES), true);
  });

  it('leaves what was given up for a successor to that one for a short time, and then takes it', () => {
    const offered = { ...seen, offered: true };
    assert.equal(mayTake(3999, offered, 'me', LEASE_TIMES), false);
    assert.equal(mayTake(1000, offered, 'other', LEASE_TIMES), true);
    assert.equal(mayTake(4000, offered, 'me', LEASE_TIMES), true);
    assert.ok(LEASE_TIMES.successionMs > LEASE_TIMES.retryMs * 1.2, 'a successor that is there comes first');
  });

  it('waits as long as the holder asks, but not for ever', () => {
    const patient = { ...seen, durationMs: 60_000 };
    assert.equal(mayTake(60_999, patient, 'me', LEASE_TIMES), false);
    assert.equal(mayTake(61_000, patient, 'me', LEASE_TIMES), true);
    assert.equal(mayTake(301_000, { ...seen, durationMs: 1e12 }, 'me', LEASE_TIMES), true);
    assert.equal(mayTake(15_999, { ...seen, durationMs: 1 }, 'me', LEASE_TIMES), false);
  });
});
