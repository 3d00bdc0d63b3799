import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { ManualClock } from './clock.ts';
import { pause, whenAborted } from './pause.ts';
import { Watchable } from './watchable.ts';

/** A pause of a minute that a value and a signal may end. */
function scene() {
  const clock = new ManualClock();
  const controller = new AbortController();
  const { signal } = controller;
  const closed = new Watchable(false);
  let listeners = 0;
  const begin = async (): Promise<string> => {
    await pause(clock, 60_000, whenAborted(signal), (end) => {
      const forget = closed.watch(end);
      listeners += 1;
      return () => {
        listeners -= 1;
        forget();
      };
    });
    return 'over';
  };
  const listening = () => [listeners, getEventListeners(signal, 'abort').length];
  return { clock, controller, closed, begin, listening };
}

describe('a pause', () => {
  it('lasts as long as it was told to', async () => {
    const { clock, begin, listening } = scene();
    const paused = begin();
    clock.advance(59_999);
    assert.equal(await Promise.race([paused, new Promise((done) => setImmediate(done, 'lasts'))]), 'lasts');
    assert.deepEqual(listening(), [1, 1]);
    clock.advance(1);
    assert.equal(await paused, 'over');
    assert.deepEqual(listening(), [0, 0], 'nobody listens any more');
  });

  it('ends with whatever ends it first, and forgets the rest', async () => {
    const { closed, begin, listening } = scene();
    const paused = begin();
    closed.set(true);
    assert.equal(await paused, 'over');
    assert.deepEqual(listening(), [0, 0]);
  });

  it('ends with its signal, also with one that was aborted before', async () => {
    const { controller, begin, listening } = scene();
    const paused = begin();
    controller.abort();
    assert.equal(await paused, 'over');
    assert.equal(await begin(), 'over');
    assert.deepEqual(listening(), [0, 0]);
  });
});
