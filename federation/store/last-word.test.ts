import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { testRecord } from '../../test/fixtures/store-clusters.ts';
import { LastWord } from './last-word.ts';

describe('the order to leave', () => {
  it('is the last word once the store took it', async () => {
    const word = new LastWord();
    const told = word.give(new Map());
    word.say();
    assert.equal(await told, true);
    assert.equal(word.isGiven, true);
  });

  it('ends when another may write, and gives back what there would be without it', async () => {
    const word = new LastWord();
    const told = word.give(new Map([['shop/cart', testRecord('cart')]]));
    word.say();
    word.set('shop/late', testRecord('late'));
    word.delete('shop/cart');
    assert.deepEqual(
      [...(word.drop() ?? [])].map(([key]) => key),
      ['shop/late'],
    );
    assert.equal(word.isGiven, false);
    assert.equal(await told, true, 'the store did take it');
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
