import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as settled } from 'node:timers/promises';
import { DEFAULT_FAILOVER_POLICY, type HealthCheckPolicy } from '../../federation/model/policy.ts';
import type { PortProtocol } from '../../federation/model/service.ts';
import { ManualClock } from '../../federation/runtime/clock.ts';
import type { HealthReport } from '../../federation/wire/health-report.ts';
import { routingRuntime } from '../../test/fixtures/routing-runtime.ts';
import { endpointAt, offerOf, portOf, serviceOf, snapshotOf } from '../../test/fixtures/routing-snapshot.ts';
import { applyFindings } from '../health/apply-findings.ts';
import { HealthChecker } from '../health/health-checker.ts';
import { compileRouteTable } from '../routing/compile.ts';
import { GatewayFindings } from './gateway-findings.ts';

const CHECKED: HealthCheckPolicy = {
  check: { kind: 'tcp' },
  intervalMs: 1000,
  timeoutMs: 500,
  unhealthyThreshold: 3,
  healthyThreshold: 2,
};

/** One number of a pod by two ports of different protocols, of which one fails its check. */
async function found(failing: PortProtocol) {
  const service = serviceOf({
    ports: [portOf('web', 80, 'http'), portOf('raw', 81, 'tcp')],
    offers: [offerOf('east', 1)],
    endpoints: [endpointAt('10.0.0.1', { ports: { web: 8080, raw: 8080 } })],
    failover: { ...DEFAULT_FAILOVER_POLICY, healthCheck: CHECKED },
  });
  const snapshot = snapshotOf([service], []);
  const table = compileRouteTable(snapshot, undefined, routingRuntime(), 0);
  const clock = new ManualClock();
  const checker: HealthChecker = new HealthChecker({
    clock,
    random: () => 0.5,
    probe: async ({ upstream }) => upstream.protocol !== failing,
    changed: () => findings.checksChanged(),
  });
  const reports: HealthReport[] = [];
  const findings = new GatewayFindings({
    clock,
    checker,
    broadcast: (message) => {
      if (message.kind === 'checks') applyFindings(table, message.findings, 0);
    },
    report: (report) => reports.push(report),
  });
  checker.update(snapshot);
  await settled();
  checker.close();
  const routed = [...table.routes()].map(({ port, endpoints }) => [port.name, endpoints[0]?.runtime.check]);
  const told = () => reports.at(-1)?.endpoints.map(({ address, state }) => [address, state]);
  return { findings, routed: Object.fromEntries(routed), told };
}

describe('checks of one number of a pod by two protocols', () => {
  it('count each for the ports of its protocol, and for the host the worse of both', async () => {
    const web = await found('http');
    assert.deepEqual(
      [web.routed, web.told()],
      [{ web: 'unhealthy', raw: 'healthy' }, [['10.0.0.1:8080', 'unhealthy']]],
    );
    const raw = await found('tcp');
    assert.deepEqual(
      [raw.routed, raw.told()],
      [{ web: 'healthy', raw: 'unhealthy' }, [['10.0.0.1:8080', 'unhealthy']]],
    );
    raw.findings.ejected(1, [{ service: 'shop/payments', address: '10.0.0.1:8080' }]);
    assert.deepEqual(raw.told(), [['10.0.0.1:8080', 'ejected']]);
  });
});
