import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { TimerWheel } from '../http/timer-wheel.ts';
import { Deadlines, type Expiry } from './deadlines.ts';

const TICK_MS = 10;

function request(onTimeUp: (expiry: Expiry) => void = () => undefined) {
  const clock = new ManualClock(0);
  const told: Expiry[] = [];
  const deadlines = new Deadlines(new TimerWheel(clock, TICK_MS), {
    timeUp: (expiry) => {
      told.push(expiry);
      onTimeUp(expiry);
    },
  });
  const pass = (ms: number) => {
    for (let passed = 0; passed < ms; passed += TICK_MS) clock.advance(TICK_MS);
  };
  return { clock, deadlines, told, pass };
}

describe('the times of a request', () => {
  it('end it once, not before', () => {
    const { deadlines, told, pass } = request();
    deadlines.boundRequest(0, 100);
    pass(90);
    assert.deepEqual(told, []);
    pass(20);
    assert.deepEqual(told, ['request']);
    pass(500);
    assert.deepEqual(told, ['request']);
  });

  it('are the nearest of those that were said', () => {
    const { deadlines, told, pass } = request();
    deadlines.boundRequest(0, 500);
    deadlines.boundRequest(0, 100);
    deadlines.boundRequest(0, 300);
    assert.equal(deadlines.requestAtMs, 100);
    pass(120);
    assert.deepEqual(told, ['request']);
  });

  it('begin anew with each attempt, while that of the whole goes on', () => {
    const { clock, deadlines, told, pass } = request();
    deadlines.boundRequest(0, 200);
    deadlines.beginAttempt(0, 50);
    pass(70);
    assert.deepEqual(told, ['attempt']);
    deadlines.beginAttempt(clock.monotonic(), 50);
    pass(30);
    deadlines.endAttempt();
    pass(60);
    assert.deepEqual(told, ['attempt']);
    pass(60);
    assert.deepEqual(told, ['attempt', 'request']);
  });

  it('of silence begin anew with each byte', () => {
    const { deadlines, told, pass } = request();
    deadlines.watchIdle(0, 100);
    for (let i = 0; i < 5; i++) {
      pass(80);
      deadlines.moved();
    }
    assert.deepEqual(told, []);
    pass(120);
    assert.deepEqual(told, ['idle']);
  });

  it('do not bound an open tunnel, but for its silence', () => {
    const { deadlines, told, pass } = request();
    deadlines.boundRequest(0, 50);
    deadlines.beginAttempt(0, 50);
    deadlines.watchIdle(0, 300);
    deadlines.tunnelOpened();
    pass(280);
    assert.deepEqual(told, []);
    pass(40);
    assert.deepEqual(told, ['idle']);
  });

  it('are over with the request, also when that ends because of one', () => {
    const { deadlines, told, pass } = request(() => deadlines.close());
    deadlines.boundRequest(0, 100);
    deadlines.watchIdle(0, 100);
    pass(300);
    assert.deepEqual(told, ['request']);
  });
});
