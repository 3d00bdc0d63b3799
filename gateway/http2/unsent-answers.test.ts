import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UnsentAnswers } from './unsent-answers.ts';

const ANSWER_BYTES = 17;

describe('answers that wait to be sent', () => {
  it('are counted as long as nothing is read', () => {
    const answers = new UnsentAnswers();
    for (let count = 1; count <= 2000; count++) {
      assert.equal(answers.add({ queuedBytes: 1000 + count * ANSWER_BYTES, sentBytes: 0 }), count);
    }
  });

  it('are none once the queue was empty', () => {
    const answers = new UnsentAnswers();
    assert.equal(answers.add({ queuedBytes: 100, sentBytes: 0 }), 1);
    assert.equal(answers.add({ queuedBytes: 0, sentBytes: 100 }), 0);
    assert.equal(answers.add({ queuedBytes: 100, sentBytes: 100 }), 1);
  });

  it('stay few on a connection whose queue never empties, but moves', () => {
    const answers = new UnsentAnswers();
    let most = 0;
    // A megabyte waits at any time, and between two answers a tenth of that is sent.
    for (let count = 0; count < 10_000; count++) {
      most = Math.max(most, answers.add({ queuedBytes: 1_000_000, sentBytes: count * 100_000 }));
    }
    assert.ok(most >= 10 && most <= 22, `${most}`);
  });
});
