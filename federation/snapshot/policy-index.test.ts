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

test('a service has the traffic policy that comes first, the older, and the default without one', () => {
  const policy = (name: string): TrafficPolicy => ({
    ...DEFAULT_TRAFFIC_POLICY,
    name,
    namespace: 'shop',
    targets: [{ namespace: 'shop', name: 'pay' }],
  });
  const trafficPolicies = new Map([
    ['TrafficPolicy/shop/old', policy('old')],
    ['TrafficPolicy/shop/new', policy('new')],
  ]);
  const sourceOf = (id: string) => ({ where: `${id}:7`, generation: undefined });
  const none = { failoverPolicies: new Map(), accessPolicies: new Map() };
  const index = new PolicyIndex({ ...none, trafficPolicies, sourceOf });
  assert.equal(index.trafficOf('shop/pay').name, 'old');
  assert.equal(index.trafficOf('shop/cart'), DEFAULT_TRAFFIC_POLICY);
  assert.deepEqual(index.problems, [
    {
      where: 'TrafficPolicy/shop/new:7',
      message:
        'TrafficPolicy/shop/new: shop/pay already has TrafficPolicy shop/old, which is older and holds',
      hint: 'name each service in one TrafficPolicy only',
    },
  ]);
  assert.deepEqual(index.conflicts, [
    { id: 'TrafficPolicy/shop/new', target: 'shop/pay', winner: 'shop/old', part: undefined },
  ]);
});

test('a policy that names a service twice is in no conflict with itself', () => {
  const target = { namespace: 'shop', name: 'pay' };
  const twice = { ...DEFAULT_TRAFFIC_POLICY, name: 'twice', namespace: 'shop', targets: [target, target] };
  const trafficPolicies = new Map([['TrafficPolicy/shop/twice', twice]]);
  const index = new PolicyIndex({ failoverPolicies: new Map(), trafficPolicies, accessPolicies: new Map() });
  assert.equal(index.trafficOf('shop/pay'), twice);
  assert.deepEqual(index.conflicts, []);
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
    ['TrafficPolicy/shop/first', policy('first', { loadBalancing })],
    ['TrafficPolicy/shop/second', policy('second', { upstreamTls })],
    ['TrafficPolicy/shop/third', policy('third', { upstreamTls: { ...upstreamTls, mode: 'simple' } })],
  ]);
  const index = new PolicyIndex({ failoverPolicies: new Map(), trafficPolicies, accessPolicies: new Map() });
  const { name, loadBalancing: balancing, upstreamTls: tls } = index.trafficOf('shop/pay');
  assert.deepEqual([name, balancing, tls], ['first', loadBalancing, upstreamTls]);
  assert.deepEqual(
    index.conflicts.map(({ id, part }) => [id, part]),
    [
      ['TrafficPolicy/shop/second', 'upstreamTls'],
      ['TrafficPolicy/shop/third', undefined],
    ],
  );
  assert.match(
    index.problems[0]?.message ?? '',
    /shop\/first, which is older and holds; of this one its upstreamTls/,
  );
});
