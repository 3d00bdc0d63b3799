import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HealthReport } from '../wire/health-report.ts';
import { GatewayRegistry } from './gateway-registry.ts';
import type { Session } from './gateway-session.ts';

const HELLO = { gateway: 'gw-1', softwareVersion: 'test', startedAtMs: 1 };

function setUp() {
  const told: string[] = [];
  const registry = new GatewayRegistry({
    endpointsChanged: (services) => {
      for (const service of services) told.push(service);
    },
    trunksReported: (_hello, [trunk]) => told.push(trunk?.up === true ? 'up' : 'down'),
    gatewayGone: (gateway) => told.push(`${gateway} is gone`),
    gatewayRefused: () => {},
  });
  const open = (kind: Session['kind']) => {
    const session: Session = { kind, status: undefined, end: () => told.push(`${kind} ended`) };
    registry.joined(session, HELLO);
    return {
      says: (up: boolean, state: 'healthy' | 'unhealthy' = 'healthy') =>
        registry.reported(session, HELLO, report(up, state)),
      ends: () => registry.ended(session),
    };
  };
  const news = (): readonly string[] => told.splice(0);
  return { registry, open, news };
}

function report(up: boolean, state: 'healthy' | 'unhealthy'): HealthReport {
  return {
    trunks: [{ cluster: 'west', up, sinceMs: 1, rttSeconds: 0 }],
    endpoints: [{ service: 'shop/cart', address: '10.0.0.1:80', state }],
  };
}

describe('what gateways find, on streams of two kinds', () => {
  it('counts a gateway with both once, by the word on the stream that it follows', () => {
    const { registry, open, news } = setUp();
    const follow = open('follow');
    const other = open('report');
    follow.says(true);
    assert.deepEqual(news(), ['up', 'shop/cart']);
    other.says(false, 'unhealthy');
    assert.deepEqual(news(), [], 'what crossed on the way changes nothing');
    assert.equal(registry.reports.length, 1);
    assert.equal(registry.trunkReports.length, 1);
  });

  it('goes by the other stream once the gateway follows another replica', () => {
    const { registry, open, news } = setUp();
    const follow = open('follow');
    const other = open('report');
    follow.says(true);
    other.says(false, 'unhealthy');
    news();
    follow.ends();
    assert.deepEqual(news(), ['down', 'shop/cart'], 'and the gateway is not gone');
    assert.equal(registry.reports.length, 1);
    other.ends();
    assert.deepEqual(news(), ['gw-1 is gone', 'shop/cart']);
    assert.equal(registry.reports.length, 0);
  });

  it('ends the earlier stream of the same kind only', () => {
    const { open, news } = setUp();
    open('follow');
    const earlier = open('report');
    open('report');
    assert.deepEqual(news(), ['report ended']);
    earlier.says(true);
    earlier.ends();
    assert.deepEqual(news(), [], 'and hears it no more');
  });
});
