import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UpstreamPlan } from './upstream-plan.ts';
import { upstreamPlans } from './upstream-plans.ts';

const HTTP = planOf('shop/payments http plaintext');
const TCP = planOf('shop/payments tcp plaintext');

function planOf(poolKey: string): UpstreamPlan {
  return { service: 'shop/payments', protocol: 'http', tls: undefined, limits: undefined, poolKey };
}

/** `count` endpoints that tell whenever somebody looks at one. */
function endpointsOf(count: number, upstream: UpstreamPlan, looked: () => void) {
  return Array.from({ length: count }, (_, index) => ({
    upstream,
    get poolKey(): string {
      looked();
      return `10.0.0.${index} ${upstream.poolKey}`;
    },
  }));
}

describe('what holds for an endpoint now', () => {
  const never = () => undefined;
  const [endpoint] = endpointsOf(1, HTTP, never);
  assert.ok(endpoint);

  it('is the plan of the first route that has its pool', () => {
    const first = { ...HTTP };
    const routes = [
      { endpoints: endpointsOf(1, TCP, never), upstream: TCP },
      { endpoints: [endpoint], upstream: first },
      { endpoints: [endpoint], upstream: HTTP },
    ];
    assert.equal(upstreamPlans(new Map([['shop/payments', { routes }]]))(endpoint), first);
  });

  it('is nothing where it went, is spoken to otherwise, or its service went', () => {
    const routes = [{ endpoints: endpointsOf(2, TCP, never), upstream: TCP }];
    assert.equal(upstreamPlans(new Map([['shop/payments', { routes }]]))(endpoint), undefined);
    assert.equal(upstreamPlans(new Map())(endpoint), undefined);
  });

  it('costs a service of 2000 endpoints one look at each, however many are asked about', () => {
    let looks = 0;
    const endpoints = endpointsOf(2_000, HTTP, () => looks++);
    const asked = endpointsOf(2_000, HTTP, never);
    const plans = upstreamPlans(new Map([['shop/payments', { routes: [{ endpoints, upstream: HTTP }] }]]));
    for (const each of asked) assert.equal(plans(each), HTTP);
    assert.equal(looks, 2_000);
  });
});
