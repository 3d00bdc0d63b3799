import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AccessPolicy } from '../../clusters/provider.ts';
import type { AccessRule } from '../model/policy.ts';
import { PolicyIndex } from './policy-index.ts';

function rule(cluster: string): AccessRule {
  return { action: 'deny', principals: [], sourceClusters: [cluster], methods: [], pathPrefixes: [] };
}

test('access policies are for a service, for a namespace, or for everything', () => {
  const accessPolicies = new Map<string, AccessPolicy>([
    ['a', { target: { namespace: 'shop', name: 'pay' }, rules: [rule('one')] }],
    ['b', { target: { namespace: 'shop', name: undefined }, rules: [rule('two')] }],
  ]);
  const clustersOf = (key: string): string[] =>
    new PolicyIndex({ failoverPolicies: new Map(), accessPolicies })
      .accessOf(key)
      .flatMap(({ sourceClusters }) => sourceClusters);
  assert.deepEqual(clustersOf('shop/pay'), ['one', 'two']);
  assert.deepEqual(clustersOf('shop/cart'), ['two']);
  assert.deepEqual(clustersOf('shopping/pay'), []);
  accessPolicies.set('c', { target: { namespace: undefined, name: undefined }, rules: [rule('three')] });
  assert.deepEqual(clustersOf('shop/pay'), ['one', 'two', 'three']);
  assert.deepEqual(clustersOf('bank/till'), ['three']);
});
