import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ApiReachState, answered, doubt, probeDue, probeEnded } from './api-reach-state.ts';

type Doubtful = Extract<ApiReachState, { kind: 'doubtful' }>;

function doubtful(state: ApiReachState): Doubtful {
  assert.equal(state.kind, 'doubtful');
  return state as Doubtful;
}

/** In doubt since 1000, with so many probes sent. */
function probed(count: number): Doubtful {
  let state = doubtful(doubt(1000));
  for (let probe = 0; probe < count; probe++) {
    const due = probeDue(state, 1000 + probe * 1000);
    assert.equal(due?.probe, probe);
    state = doubtful(due.state);
  }
  return state;
}

describe('whether an API server answers', () => {
  it('is asked at once, and then once a second', () => {
    const state = probed(1);
    assert.equal(probeDue(state, 1999), undefined);
    assert.equal(probeDue(state, 2000)?.probe, 1);
  });

  it('was never in question when the first probe is answered', () => {
    assert.deepEqual(probeEnded(probed(1), 0, 'ready'), { kind: 'answering', wasAway: false });
    // Slow, and nearly in turn.
    assert.deepEqual(probeEnded(probed(4), 0, 'ready'), { kind: 'answering', wasAway: false });
    assert.deepEqual(probeEnded(probed(4), 2, 'ready'), { kind: 'answering', wasAway: false });
  });

  it('is news after a probe that failed, found it not ready, or hangs', () => {
    for (const result of ['unreachable', 'not-ready'] as const) {
      const failed = doubtful(probeEnded(probed(1), 0, result));
      const due = probeDue(failed, 2000);
      assert.deepEqual(due && probeEnded(doubtful(due.state), due.probe, 'ready'), {
        kind: 'answering',
        wasAway: true,
      });
    }
    assert.deepEqual(probeEnded(probed(4), 3, 'ready'), { kind: 'answering', wasAway: true });
  });

  it('is certain by any answer while no probe failed or is long late, and by a probe alone after that', () => {
    assert.deepEqual(answered(probed(2)), { kind: 'answering' });
    assert.deepEqual(answered(probed(3)), probed(3));
    const failed = doubtful(probeEnded(probed(1), 0, 'not-ready'));
    assert.equal(answered(failed), failed);
  });
});
