import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LastWord } from './last-word.ts';

describe('the order to leave', () => {
  it('is the last word once the store took it', async () => {
    const word = new LastWord();
    const told = word.give(new Map());
    word.say();
    assert.equal(await told, true);
    assert.equal(word.isGiven, true);
  });

  it('that was dropped while its write was under way is none when the store took that', async () => {
    const word = new LastWord();
    const told = word.give(undefined);
    word.drop();
    word.say();
    assert.equal(await told, false);
    assert.equal(word.isGiven, false);
  });
});
