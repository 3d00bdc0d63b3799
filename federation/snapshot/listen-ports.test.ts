import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ListenPorts } from './listen-ports.ts';

const RANGE = { from: 15_500, to: 15_509 };
const DAY_MS = 24 * 3600 * 1000;

describe('the ports of services', () => {
  it('are in the range, of one service each, and stay', () => {
    const ports = new ListenPorts(RANGE);
    const given = ['a', 'b', 'c', 'd'].map((target) => ports.claim(target, 0));
    assert.equal(new Set(given).size, 4);
    for (const port of given) assert.ok(port !== undefined && port >= 15_500 && port <= 15_509);
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].map((target) => ports.claim(target, 1)),
      given,
    );
  });

  it('are the same again after a restart, and nearly the same without any memory', () => {
    const ports = new ListenPorts(RANGE);
    const port = ports.claim('shop/payments:http', 0);
    assert.equal(new ListenPorts(RANGE, ports.grants).get('shop/payments:http'), port);
    assert.equal(new ListenPorts(RANGE).claim('shop/payments:http', 0), port);
  });

  it("are no other service's for a day after theirs went, and the same service gets its own again", () => {
    const range = { from: 1000, to: 1000 };
    const ports = new ListenPorts(range);
    assert.equal(ports.claim('a', 0), 1000);
    ports.release('a', 0);
    assert.equal(ports.get('a'), undefined);
    assert.equal(ports.claim('b', DAY_MS - 1), undefined);
    assert.equal(ports.claim('a', DAY_MS - 1), 1000);
    ports.release('a', DAY_MS);
    assert.equal(ports.claim('b', 2 * DAY_MS), 1000);
    assert.equal(ports.claim('a', 2 * DAY_MS), undefined);
  });

  it('end together for all that are not live any more, each once', () => {
    const ports = new ListenPorts(RANGE);
    for (const target of ['a', 'b', 'c']) ports.claim(target, 0);
    ports.release('c', 1);
    ports.releaseExcept(new Set(['a', 'd']), 2);
    const released = ports.grants.map(({ target, releasedAtMs }) => [target, releasedAtMs]);
    assert.deepEqual(released, [
      ['a', undefined],
      ['b', 2],
      ['c', 1],
    ]);
  });

  it('end when the range is full', () => {
    const ports = new ListenPorts(RANGE);
    for (let index = 0; index < 10; index++) assert.notEqual(ports.claim(`s${index}`, 0), undefined);
    assert.equal(ports.claim('one-more', 0), undefined);
  });

  it('outside of a range that was narrowed are given anew', () => {
    const ports = new ListenPorts(RANGE, [
      { target: 'a', port: 20_000, releasedAtMs: undefined },
      { target: 'b', port: 15_500, releasedAtMs: undefined },
      { target: 'c', port: 15_500, releasedAtMs: undefined },
    ]);
    assert.equal(ports.get('a'), undefined);
    assert.equal(ports.get('b'), 15_500);
    assert.equal(ports.get('c'), undefined, 'a port that two claim stays with the first');
  });
});
