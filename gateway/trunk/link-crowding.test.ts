import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LinkCrowding } from './link-crowding.ts';

const MIB = 2 ** 20;

class Link {
  readonly crowding = new LinkCrowding();
  #bytes = 0;
  #streams = 0;

  /** A second in which so much was done, and the PING at its end. */
  second(rttMs: number, bytes: number, streams = 1): boolean {
    this.#bytes += bytes;
    this.#streams += streams;
    this.crowding.answered(rttMs, this.#bytes, this.#streams);
    return this.crowding.crowded;
  }
}

describe('a link', () => {
  test('is crowded while bulk moves and PINGs are late, from the second one on', () => {
    const link = new Link();
    assert.equal(link.second(100, 0), false);
    assert.equal(link.second(300, 12 * MIB), false);
    assert.equal(link.second(300, 12 * MIB), true);
    assert.equal(link.second(310, 12 * MIB), true);
    assert.equal(link.second(110, 12 * MIB), false, 'the bulk does not stand any more');
    assert.equal(link.second(300, 12 * MIB), false, 'one late answer is none');
    assert.equal(link.second(300, 0), false, 'it has ended');
  });

  test('is not crowded by many small messages, whose PINGs are late when the processor is busy', () => {
    const link = new Link();
    link.second(1, 0);
    for (let second = 0; second < 10; second++) {
      assert.equal(link.second(200, 12 * MIB, 60_000), false);
    }
  });

  test('is crowded by bulk beside small messages', () => {
    const link = new Link();
    link.second(100, 0);
    link.second(300, 12 * MIB, 500);
    assert.equal(link.second(300, 12 * MIB, 500), true);
  });

  test('is not crowded because its path became longer', () => {
    const link = new Link();
    link.second(20, 0);
    for (let second = 0; second < 60; second++) link.second(120, 1000);
    link.second(125, 12 * MIB);
    assert.equal(link.second(125, 12 * MIB), false);
    link.second(200, 12 * MIB);
    assert.equal(link.second(200, 12 * MIB), true);
  });
});
