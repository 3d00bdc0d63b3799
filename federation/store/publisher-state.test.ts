import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Leadership,
  mandateAfter,
  nextStep,
  type PublisherFacts,
  windowAfterMs,
} from './publisher-state.ts';

const NOW_MS = 1000;
const LEADER: Extract<Leadership, { kind: 'leader' }> = {
  kind: 'leader',
  epoch: 7,
  head: new Uint8Array(),
  heartbeatAtMs: NOW_MS + 500,
  batchAtMs: NOW_MS,
};

function step(facts: Partial<PublisherFacts>) {
  return nextStep(NOW_MS, {
    leadership: LEADER,
    servicesKnown: true,
    identityKnown: true,
    storeUp: true,
    recalled: true,
    mayLead: true,
    announcing: false,
    batchDueMs: undefined,
    ...facts,
  });
}

describe('what a publisher does next', () => {
  it('waits for services, identity and store before anything else', () => {
    assert.deepEqual(step({ servicesKnown: false }), {
      kind: 'wait',
      state: 'awaiting-services',
      untilMs: Infinity,
    });
    assert.deepEqual(step({ identityKnown: false }), {
      kind: 'wait',
      state: 'awaiting-identity',
      untilMs: Infinity,
    });
    assert.deepEqual(step({ storeUp: false, batchDueMs: 0 }), {
      kind: 'wait',
      state: 'disconnected',
      untilMs: Infinity,
    });
  });

  it("reads the cluster's last word before it asks to lead, also where it may not lead", () => {
    const follower: Leadership = { kind: 'follower', leader: undefined, tryAtMs: NOW_MS };
    for (const mayLead of [true, false]) {
      const facts: Partial<PublisherFacts> = { leadership: follower, recalled: false, mayLead };
      assert.deepEqual(step(facts), { kind: 'recall' });
      const later: Leadership = { ...follower, tryAtMs: NOW_MS + 1 };
      assert.deepEqual(step({ ...facts, leadership: later }), {
        kind: 'wait',
        state: 'acquiring',
        untilMs: NOW_MS + 1,
      });
    }
  });

  it('asks to lead when it may and its time has come', () => {
    const follower: Leadership = { kind: 'follower', leader: 'other', tryAtMs: NOW_MS };
    assert.deepEqual(step({ leadership: follower }), { kind: 'acquire' });
    assert.equal(step({ leadership: follower, mayLead: false }).kind, 'wait');
    const later = { ...follower, tryAtMs: NOW_MS + 1 };
    assert.deepEqual(step({ leadership: later }), { kind: 'wait', state: 'standby', untilMs: NOW_MS + 1 });
  });

  it('goes on while the election cannot be heard, until the store knows a later writer; and never begins then', () => {
    for (const before of [true, false]) {
      assert.equal(mandateAfter(before, 'elected', false), true);
      // Elected, it comes again: whoever overtook it is the one that lost.
      assert.equal(mandateAfter(before, 'elected', true), true);
      assert.equal(mandateAfter(before, 'not-elected', false), false);
      assert.equal(mandateAfter(before, 'unheard', false), before);
      assert.equal(mandateAfter(before, 'unheard', true), false);
    }
  });

  it('reads before it writes when it does not know what the store has', () => {
    const unsure: Leadership = { kind: 'unsure', epoch: 7, tryAtMs: NOW_MS };
    assert.deepEqual(step({ leadership: unsure, batchDueMs: 0 }), { kind: 'synchronize', epoch: 7 });
    assert.equal(step({ leadership: { ...unsure, tryAtMs: NOW_MS + 1 }, batchDueMs: 0 }).kind, 'wait');
  });

  it('writes when a batch, a heartbeat or an announcement is due', () => {
    assert.deepEqual(step({ batchDueMs: NOW_MS + 20 }), {
      kind: 'wait',
      state: 'leading',
      untilMs: NOW_MS + 20,
    });
    assert.deepEqual(step({}), { kind: 'wait', state: 'leading', untilMs: NOW_MS + 500 });
    for (const facts of [
      { batchDueMs: NOW_MS },
      { batchDueMs: Number.NEGATIVE_INFINITY },
      { leadership: { ...LEADER, heartbeatAtMs: NOW_MS } },
      { announcing: true },
    ]) {
      assert.equal(step(facts).kind, 'commit');
    }
  });

  it('leaves more time after a batch of many changes than after one of few', () => {
    const windows = { batchWindowMs: 20, busyWindowMs: 50 };
    assert.deepEqual(
      [0, 1, 3, 4, 500].map((changes) => windowAfterMs(changes, windows)),
      [20, 20, 20, 50, 50],
    );
    assert.equal(windowAfterMs(4, { ...windows, batchWindowMs: 60 }), 60);
  });

  it('leaves some time between two batches, but not before a heartbeat or an announcement', () => {
    const written = { ...LEADER, batchAtMs: NOW_MS + 15 };
    for (const batchDueMs of [Number.NEGATIVE_INFINITY, NOW_MS]) {
      assert.deepEqual(step({ leadership: written, batchDueMs }), {
        kind: 'wait',
        state: 'leading',
        untilMs: NOW_MS + 15,
      });
    }
    assert.equal(step({ leadership: { ...written, batchAtMs: NOW_MS }, batchDueMs: NOW_MS }).kind, 'commit');
    assert.equal(step({ leadership: { ...written, heartbeatAtMs: NOW_MS } }).kind, 'commit');
    assert.equal(step({ leadership: written, batchDueMs: NOW_MS, announcing: true }).kind, 'commit');
  });
});
