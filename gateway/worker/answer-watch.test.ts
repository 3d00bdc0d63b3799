import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { testSnapshot } from '../../test/fixtures/test-snapshot.ts';
import { AnswerWatch } from './answer-watch.ts';

const snapshot = testSnapshot({ cluster: 'east', peers: {}, bundles: new Map(), services: [] });

function watched(pid: number) {
  const channel = {
    pid,
    killed: false,
    kill: () => {
      channel.killed = true;
    },
  };
  return channel;
}

describe('the watch over answers', () => {
  it('takes an answer that lay in the pipe while the parent stood still', () => {
    const clock = new ManualClock();
    const watch = new AnswerWatch(clock);
    const worker = watched(1);
    watch.asked(worker, snapshot);
    // A parent that wakes runs the timer first, and reads then.
    clock.advance(30_000);
    assert.equal(watch.answered(worker), snapshot);
    clock.advance(60_000);
    assert.equal(worker.killed, false);
  });

  it('has more patience after each kill, until somebody answers', () => {
    const clock = new ManualClock();
    const watch = new AnswerWatch(clock);
    let pid = 0;
    /** How long two workers live that never answer, and begin together. */
    const patienceS = (): number => {
      const pair = [watched(++pid), watched(++pid)];
      for (const worker of pair) watch.asked(worker, snapshot);
      let seconds = 0;
      for (; !pair.every(({ killed }) => killed); seconds++) clock.advance(1_000);
      for (const worker of pair) watch.gone(worker.pid);
      return seconds;
    };
    assert.deepEqual(Array.from({ length: 6 }, patienceS), [31, 61, 121, 241, 481, 481]);
    const answers = watched(++pid);
    watch.asked(answers, snapshot);
    watch.answered(answers);
    assert.equal(patienceS(), 31);
  });

  it('says what an answer is about, and what a worker ended over', () => {
    const watch = new AnswerWatch(new ManualClock());
    const worker = watched(1);
    const later = { ...snapshot };
    assert.equal(watch.answered(worker), undefined);
    for (const sent of [snapshot, later]) watch.asked(worker, sent);
    assert.equal(watch.answered(worker), snapshot);
    assert.equal(watch.gone(1), later);
    assert.equal(watch.answered(worker), undefined);
  });
});
