import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AccessPolicy } from '../../clusters/provider.ts';
import { type AccessRule, EVERY_REQUEST } from '../model/policy.ts';
import { DEFAULT_TRAFFIC_POLICY, type TrafficPolicy } from '../model/traffic-policy.ts';
import { PolicyIndex } from './policy-index.ts';

function rule(cluster: string): AccessRule {
  return { ...EVERY_REQUEST, action: 'deny', sourceClusters: [cluster] };
}

test('access policies are for a service, for a namespace, or for everything', () => {
  const accessPolicies = new Map<string, AccessPolicy>([
    ['a', { target: { namespace: 'shop', name: 'pay' }, rules: [rule('one')] }],
    ['b', { target: { namespace: 'shop', name: undefined }, rules: [rule('two')] }],
  ]);
  const clustersOf = (key: string): string[] =>
    new PolicyIndex({ failoverPolicies: new Map(), trafficPolicies: new Map(), accessPolicies })
      .accessOf(key)
      .flatMap(({ sourceClusters }) => sourceClusters);
  assert.deepEqual(clustersOf('shop/pay'), ['one', 'two']);
  assert.deepEqual(clustersOf('shop/cart'), ['two']);
  assert.deepEqual(clustersOf('shopping/pay'), []);
  accessPolicies.set('c', { target: { namespace: undefined, name: undefined }, rules: [rule('three')] });
  assert.deepEqual(clustersOf('shop/pay'), ['one', 'two', 'three']);
  assert.deepEqual(clustersOf('bank/till'), ['three']);
});

test('a service has the traffic policy whose name comes first, and the default without one', () => {
  const policy = (name: string): TrafficPolicy => ({
    ...DEFAULT_TRAFFIC_POLICY,
    name,
    namespace: 'shop',
    targets: [{ namespace: 'shop', name: 'pay' }],
  });
  const trafficPolicies = new Map([
    ['b', policy('second')],
    ['a', policy('first')],
  ]);
  const index = new PolicyIndex({ failoverPolicies: new Map(), trafficPolicies, accessPolicies: new Map() });
  assert.equal(index.trafficOf('shop/pay').name, 'first');
  assert.equal(index.trafficOf('shop/cart'), DEFAULT_TRAFFIC_POLICY);
  assert.deepEqual(index.problems, [
    {
      where: 'TrafficPolicy b',
      message: 'shop/pay already has TrafficPolicy shop/first, which holds',
      hint: 'name each service in one TrafficPolicy only',
    },
  ]);
});

test('TLS to pods holds whichever of two traffic policies asks for it', () => {
  const policy = (name: string, changes: Partial<TrafficPolicy>): TrafficPolicy => ({
    ...DEFAULT_TRAFFIC_POLICY,
    name,
    namespace: 'shop',
    targets: [{ namespace: 'shop', name: 'pay' }],
    ...changes,
  });
  const upstreamTls = {
    mode: 'mutual',
    hostname: undefined,
    caCertificates: undefined,
    subjectAltNames: [],
  } as const;
  const loadBalancing = { kind: 'random', slowStart: undefined } as const;
  const trafficPolicies = new Map([
    ['a', policy('first', { loadBalancing })],
    ['b', policy('second', { upstreamTls })],
    ['c', policy('third', { upstreamTls: { ...upstreamTls, mode: 'simple' } })],
  ]);
  const index = new PolicyIndex({ failoverPolicies: new Map(), trafficPolicies, accessPolicies: new Map() });
  const { name, loadBalancing: balancing, upstreamTls: tls } = index.trafficOf('shop/pay');
  assert.deepEqual([name, balancing, tls], ['first', loadBalancing, upstreamTls]);
  assert.deepEqual(
    index.problems.map(({ where, message }) => `${where}: ${message}`),
    [
      'TrafficPolicy b: shop/pay already has TrafficPolicy shop/first, which holds; of this one its upstreamTls holds',
      'TrafficPolicy c: shop/pay already has TrafficPolicy shop/first, which holds',
    ],
  );
});
