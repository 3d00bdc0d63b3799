import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeReach, type ReachFacts, Soundness } from './reach.ts';

const SILENCE_MS = 10_000;

function judge(nowMs: number, facts: Partial<ReachFacts>) {
  return judgeReach(nowMs, SILENCE_MS, {
    before: 'synced',
    lastHeadAtMs: 0,
    soundSinceMs: 0,
    left: false,
    ...facts,
  });
}

describe('reach of a peer', () => {
  it('is lost after 10 s of silence', () => {
    assert.equal(judge(9_999, {}), 'synced');
    assert.equal(judge(10_000, {}), 'unreachable');
  });

  it('is not judged while this member’s own connection was not sound for those 10 s', () => {
    assert.equal(judge(60_000, { soundSinceMs: undefined }), 'synced');
    assert.equal(judge(60_000, { soundSinceMs: 50_001 }), 'synced');
    assert.equal(judge(60_000, { soundSinceMs: 50_000 }), 'unreachable');
  });

  it('stays lost through an outage of the store', () => {
    assert.equal(judge(60_000, { before: 'unreachable', soundSinceMs: undefined }), 'unreachable');
  });

  it('is unknown before the first head, and left after the last', () => {
    assert.equal(judge(60_000, { before: 'unknown', lastHeadAtMs: undefined }), 'unknown');
    assert.equal(judge(60_000, { before: 'left', left: true }), 'left');
  });
});

describe('soundness of the own connection', () => {
  it('begins with an answer and lasts while answers come', () => {
    const soundness = new Soundness(3000);
    assert.equal(soundness.sinceMs(0), undefined);
    for (let nowMs = 1000; nowMs <= 9000; nowMs += 2000) soundness.answered(nowMs);
    assert.equal(soundness.sinceMs(9000), 1000);
  });

  it('ends with a failure, and with a gap, be it of the store or of this process', () => {
    const soundness = new Soundness(3000);
    soundness.answered(1000);
    soundness.broken();
    assert.equal(soundness.sinceMs(1000), undefined);
    soundness.answered(2000);
    assert.equal(soundness.sinceMs(5001), undefined);
    soundness.answered(60_000);
    assert.equal(soundness.sinceMs(60_000), 60_000);
  });
});
