import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EndpointFinding } from '../../federation/wire/health-report.ts';
import { routingRuntime } from '../../test/fixtures/routing-runtime.ts';
import { endpointAt, offerOf, serviceOf, snapshotOf } from '../../test/fixtures/routing-snapshot.ts';
import { compileRouteTable } from './compile.ts';
import { explainRoute } from './explain-route.ts';
import { showFindings } from './shown-findings.ts';

const HEALTH_CHECK = {
  check: { kind: 'tcp' },
  intervalMs: 1000,
  timeoutMs: 500,
  unhealthyThreshold: 2,
  healthyThreshold: 1,
} as const;

function countsAfter(...findings: readonly EndpointFinding[][]) {
  const endpoints = [endpointAt('10.0.0.1'), endpointAt('10.0.0.2'), endpointAt('10.0.0.3')];
  const failover = { healthCheck: HEALTH_CHECK };
  const service = serviceOf({ endpoints, offers: [offerOf('east', 3)], failover });
  const table = compileRouteTable(snapshotOf([service], []), undefined, routingRuntime(), 0);
  for (const reported of findings) showFindings(table, reported, 0);
  const route = table.byTarget('shop/payments:http');
  assert.ok(route !== undefined);
  const [east] = explainRoute(0, table, route).clusters;
  return { healthy: east?.healthy, pending: east?.excluded, hosts: east?.hosts };
}

function finding(host: number, state: EndpointFinding['state']): EndpointFinding {
  return { service: 'shop/payments', address: `10.0.0.${host}:8080`, state };
}

describe('findings of those who serve', () => {
  it('are what a copy counts by', () => {
    assert.deepEqual(countsAfter(), { healthy: 0, pending: 3, hosts: 3 });
    assert.deepEqual(countsAfter([finding(1, 'healthy'), finding(2, 'unhealthy')]), {
      healthy: 1,
      pending: 1,
      hosts: 3,
    });
    assert.deepEqual(countsAfter([finding(1, 'healthy'), finding(2, 'ejected'), finding(3, 'healthy')]), {
      healthy: 2,
      pending: 0,
      hosts: 3,
    });
  });

  it('replace those before', () => {
    const all = [1, 2, 3].map((host) => finding(host, 'healthy'));
    assert.equal(countsAfter([finding(1, 'ejected')], all).healthy, 3);
  });

  it('of strange endpoints change nothing', () => {
    const strange = { service: 'shop/cart', address: '10.0.0.1:8080', state: 'healthy' } as const;
    assert.equal(countsAfter([strange, finding(9, 'healthy')]).healthy, 0);
  });
});
