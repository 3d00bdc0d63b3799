import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ClusterProvider } from '../../clusters/provider.ts';
import { type GivenRoute, meshRoute } from '../../test/fixtures/mesh-routes.ts';
import { DEFAULT_FAILOVER_POLICY, type FailoverPolicy } from '../model/policy.ts';
import { RoutingRules } from './routing-rules.ts';

const PAYMENTS = { namespace: 'shop', name: 'payments' };
const ONE = { backendRefs: [{ name: 'v1', namespace: 'shop', port: 80 }] };

/** A provider whose policies and routes the test changes. */
class Given {
  readonly failoverPolicies = new Map<string, FailoverPolicy>();
  readonly meshRoutes = new Map<string, ReturnType<typeof meshRoute>>();
  readonly rules: RoutingRules;

  constructor(routes: readonly GivenRoute[] = []) {
    for (const [at, route] of routes.entries()) this.meshRoutes.set(String(at), meshRoute(route));
    const { failoverPolicies, meshRoutes } = this;
    const provider: Partial<ClusterProvider> = {
      services: new Map(),
      failoverPolicies,
      trafficPolicies: new Map(),
      accessPolicies: new Map(),
      backendGrants: new Map(),
      meshRoutes,
      sourceOf: () => undefined,
    };
    this.rules = new RoutingRules(provider as ClusterProvider);
  }
}

describe('the rules of routing', () => {
  it('tell for which services other policies hold now', () => {
    const { failoverPolicies, rules } = new Given();
    const policy = { ...DEFAULT_FAILOVER_POLICY, namespace: 'shop', name: 'p', targets: [PAYMENTS] };
    failoverPolicies.set('FailoverPolicy/shop/p', policy);
    assert.equal(rules.policies.failoverOf('shop/payments'), DEFAULT_FAILOVER_POLICY, 'until they are read');
    assert.deepEqual(rules.renewPolicies(['shop/payments', 'shop/other']), ['shop/payments']);
    assert.equal(rules.policies.failoverOf('shop/payments'), policy);
    assert.deepEqual(rules.renewPolicies(['shop/payments', 'shop/other']), []);
  });

  it('tell for which services other routes hold now, and what those led to', () => {
    const { meshRoutes, rules } = new Given([{ rules: [ONE] }]);
    assert.deepEqual(rules.renewRoutes(), []);
    meshRoutes.clear();
    assert.deepEqual(rules.renewRoutes(), ['shop/payments', 'shop/v1']);
    assert.equal(rules.routes.routesOf('shop/payments'), undefined);
  });

  it('tell of each policy that gateways would refuse once for each reason, with some of its services', () => {
    const { rules } = new Given();
    const faults = ['a', 'b', 'c', 'd'].map((name) => ({
      id: 'AccessPolicy/shop/open',
      target: `shop/${name}`,
      fault: 'access_json: too many',
    }));
    const messages = (given: typeof faults) => rules.refusals(given).map(({ message }) => message);
    assert.deepEqual(messages(faults.slice(0, 1)), [
      'AccessPolicy/shop/open does not hold for shop/a, as gateways would refuse it: access_json: too many',
    ]);
    assert.deepEqual(
      messages([...faults, ...faults.slice(0, 1).map((one) => ({ ...one, id: 'AccessPolicy/shop/other' }))]),
      [
        'AccessPolicy/shop/open does not hold for shop/a, shop/b, shop/c and others, as gateways would refuse it: access_json: too many',
        'AccessPolicy/shop/other does not hold for shop/a, as gateways would refuse it: access_json: too many',
      ],
    );
    assert.deepEqual(messages([]), []);
  });

  it('tell of routes that find no room once for each namespace', () => {
    const many = Array.from({ length: 300 }, (_, at) => ({
      name: `r${String(at).padStart(3, '0')}`,
      namespace: at % 2 === 0 ? 'greedy' : 'other',
      rules: [ONE],
    }));
    const { rules } = new Given(many);
    assert.deepEqual(
      rules.refusals([]).map(({ message }) => message),
      ['greedy', 'other'].map((namespace, at) => {
        const [a, b, c] = [128 + at, 130 + at, 132 + at].map((index) => `HTTPRoute/${namespace}/r${index}`);
        return `${a}, ${b}, ${c} and others do not hold for shop/payments: more is attached to it than a gateway takes`;
      }),
    );
  });
});
