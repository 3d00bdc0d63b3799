import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { advance, type FailureKind, type ReflectorEvent, type ReflectorState } from './reflector-state.ts';

const NOW_MS = 1000;
const listing: ReflectorState = { kind: 'listing', attempt: 0 };
const watching: ReflectorState = { kind: 'watching', resourceVersion: '5', attempt: 0 };

const failed = (failure: FailureKind, retryAfterMs?: number): ReflectorEvent => ({
  kind: 'failed',
  failure,
  retryAfterMs,
});
const next = (state: ReflectorState, event: ReflectorEvent, random = 0.5): ReflectorState =>
  advance(state, event, NOW_MS, () => random);

describe('advance', () => {
  it('watches from where the listing was, and goes on with each event', () => {
    const listed = next({ kind: 'listing', attempt: 4 }, { kind: 'listed', resourceVersion: '5' });
    assert.deepEqual(listed, watching);
    assert.deepEqual(next(listed, { kind: 'progressed', resourceVersion: '9' }), {
      ...watching,
      resourceVersion: '9',
    });
  });

  it('goes on at once when a watch ends, and with pauses when every watch does', () => {
    const once = next(watching, { kind: 'ended' });
    assert.deepEqual(once, { ...watching, attempt: 1 });
    const twice = next(once, { kind: 'ended' });
    assert.deepEqual(twice, { kind: 'pausing', untilMs: 1500, resourceVersion: '5', attempt: 2 });
    assert.deepEqual(next(twice, { kind: 'due' }), { ...watching, attempt: 2 });
  });

  it('goes on from where it was after a broken connection', () => {
    const broken = next(watching, failed('other'));
    assert.deepEqual(broken, { kind: 'pausing', untilMs: 1250, resourceVersion: '5', attempt: 1 });
    assert.deepEqual(next(next(broken, { kind: 'due' }), failed('other')), {
      kind: 'pausing',
      untilMs: 1500,
      resourceVersion: '5',
      attempt: 2,
    });
  });

  it('lists anew when the resourceVersion is gone or the watch was silent, at once but not again and again', () => {
    for (const failure of ['gone', 'silent'] as const) {
      assert.deepEqual(next(watching, failed(failure)), { kind: 'listing', attempt: 1 });
      const again = next({ ...watching, attempt: 1 }, failed(failure));
      assert.deepEqual(again, { kind: 'pausing', untilMs: 1500, resourceVersion: undefined, attempt: 2 });
      assert.deepEqual(next(again, { kind: 'due' }), { kind: 'listing', attempt: 2 });
    }
    assert.equal(next(listing, failed('gone')).kind, 'pausing');
  });

  it('waits ever longer for what mostly a person mends, and then lists', () => {
    for (const failure of ['missing', 'refused'] as const) {
      for (const state of [listing, watching]) {
        const waits = next(state, failed(failure), 0.5);
        assert.deepEqual(waits, { kind: 'pausing', untilMs: 2250, resourceVersion: undefined, attempt: 1 });
      }
      const delays = [1, 4, 5, 20].map((attempt) => {
        const state = next({ kind: 'listing', attempt }, failed(failure), 0);
        return state.kind === 'pausing' ? state.untilMs - NOW_MS : undefined;
      });
      assert.deepEqual(delays, [2000, 16_000, 30_000, 30_000]);
    }
  });

  it('doubles its patience up to a bound, and heeds what the server asks for', () => {
    const delays = [0, 1, 5, 6, 20].map((attempt) => {
      const state = next({ kind: 'listing', attempt }, failed('other'), 0.999_999);
      return state.kind === 'pausing' ? state.untilMs - NOW_MS : undefined;
    });
    assert.deepEqual(delays, [499, 999, 15_999, 29_999, 29_999]);
    const asked = next(listing, failed('other', 60_000));
    assert.equal(asked.kind === 'pausing' && asked.untilMs, 61_000);
  });
});
