import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from './answer.ts';
import { LoadMix } from './load-mix.ts';

test('one in ten requests is a POST and one in ten bursts is on a new connection, over bursts of 32', () => {
  const mix = new LoadMix();
  const posts: number[] = [];
  const fresh: number[] = [];
  for (let burst = 0; burst < 10; burst += 1) {
    if (mix.nextIsFresh()) fresh.push(burst);
    for (let index = 0; index < 32; index += 1) if (mix.nextIsPost()) posts.push(burst);
  }
  assert.equal(posts.length, 32);
  assert.ok(new Set(posts).size === 10, 'in each burst');
  assert.equal(fresh.length, 1);
});

test('an answer counts only when it is whole and names a cluster of the demo', () => {
  const known = ['east', 'west'];
  assert.deepEqual(judge(200, '{"cluster":"west"}', known), { failure: undefined, cluster: 'west' });
  const failures: readonly [number, string, RegExp][] = [
    [503, 'no', /^status 503: no$/],
    [200, '{"cluster":"south"}', /names no cluster of the demo: \{"cluster":"south"\}/],
    [200, '{"cluster":7}', /names no cluster of the demo/],
    [200, 'null', /names no cluster of the demo/],
    [200, '{"cluster":"we', /^the body is not whole/],
  ];
  for (const [status, body, expected] of failures) {
    const { failure, cluster } = judge(status, body, known);
    assert.match(failure ?? '', expected);
    assert.equal(cluster, undefined);
  }
});
