import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UnwantedBody } from './unwanted-body.ts';

const MIB = 1024 * 1024;

describe('what still comes of a body after its answer', () => {
  it('is waited for as long as it moves, but not for ever', () => {
    const body = new UnwantedBody(1_000);
    for (let nowMs = 2_000; nowMs < 11_000; nowMs += 1_000) {
      assert.ok(body.received(1));
      assert.equal(body.look(nowMs), 'wait');
    }
    body.received(1);
    assert.equal(body.look(11_000), 'endless');
  });

  it('is given up when nothing comes', () => {
    const body = new UnwantedBody(1_000);
    body.received(10);
    assert.equal(body.look(2_000), 'wait');
    assert.equal(body.look(3_999), 'wait');
    assert.equal(body.look(4_000), 'silent');
  });

  it('may have 16 MiB', () => {
    const body = new UnwantedBody(0);
    assert.equal(body.received(16 * MIB), true);
    assert.equal(body.received(1), false);
  });
});
