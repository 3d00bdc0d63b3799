import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ProvidedService } from '../../clusters/provider.ts';
import { EU_A, EU_B, endpointAt } from '../../test/fixtures/routing-snapshot.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { EndpointFindingState } from '../wire/health-report.ts';
import { changedFindings, type FindingsOfGateway, groupFindings } from './host-verdict.ts';
import { sameRecord, serviceRecord } from './service-record.ts';

const SERVICE = { namespace: 'shop', name: 'payments' };

function provided(endpoints: readonly Endpoint[]) {
  return {
    service: SERVICE,
    type: 'ClusterSetIP',
    ports: [{ name: 'http', port: 80, protocol: 'http', appProtocol: undefined }],
    endpoints,
    exportedAtMs: 5,
    changedAtMs: 7,
  } as const satisfies ProvidedService;
}

function host(address: string, changes: Partial<Endpoint> = {}): Endpoint {
  return { ...endpointAt(address, { locality: EU_A, ports: { http: 8080 } }), ...changes };
}

function finds(states: Readonly<Record<string, EndpointFindingState>>): FindingsOfGateway {
  return groupFindings(
    Object.entries(states).map(([address, state]) => ({ service: 'shop/payments', address, state })),
  );
}

function counts(endpoints: readonly Endpoint[], reports: readonly FindingsOfGateway[] = []) {
  return serviceRecord(provided(endpoints), reports).localities.map(
    ({ hosts, healthy, degraded, excluded }) => ({ hosts, healthy, degraded, excluded }),
  );
}

describe("a cluster's record of its own service", () => {
  it('counts hosts by locality, and each host weighs the same', () => {
    const record = serviceRecord(
      provided([
        host('10.0.0.3', { locality: EU_B }),
        host('10.0.0.1'),
        host('10.0.0.2', { state: 'degraded' }),
        host('10.0.0.4', { state: 'unready' }),
      ]),
      [],
    );
    assert.deepEqual(record.localities, [
      { locality: EU_A, hosts: 3, healthy: 1, degraded: 1, excluded: 0, weight: 3 },
      { locality: EU_B, hosts: 1, healthy: 1, degraded: 0, excluded: 0, weight: 1 },
    ]);
    assert.equal(record.changedAtMs, 7);
  });

  it('takes a host as unhealthy when more than half of the gateways find it failing', () => {
    const failing = finds({ '10.0.0.1:8080': 'unhealthy' });
    const ejected = finds({ '10.0.0.1:8080': 'ejected' });
    const silent = finds({});
    const endpoints = [host('10.0.0.1'), host('10.0.0.2')];
    assert.equal(counts(endpoints, [failing])[0]?.healthy, 1);
    assert.equal(counts(endpoints, [failing, ejected, silent])[0]?.healthy, 1);
    assert.equal(counts(endpoints, [failing, silent])[0]?.healthy, 2, 'one of two is not a majority');
    assert.equal(counts(endpoints, [finds({ '10.0.0.1:8080': 'healthy' })])[0]?.healthy, 2);
  });

  it('leaves a host out while most gateways wait for its first check', () => {
    const endpoints = [host('10.0.0.1')];
    assert.deepEqual(counts(endpoints, [finds({ '10.0.0.1:8080': 'pending' })]), [
      { hosts: 1, healthy: 0, degraded: 0, excluded: 1 },
    ]);
  });

  it('does not make a host ready that the provider says is not', () => {
    const endpoints = [host('10.0.0.1', { state: 'unready' })];
    assert.equal(counts(endpoints, [finds({ '10.0.0.1:8080': 'healthy' })])[0]?.healthy, 0);
  });

  it('knows a host by any of its ports, IPv6 included', () => {
    const endpoints = [host('fd00::1', { ports: { http: 8080, grpc: 9090 } })];
    assert.equal(counts(endpoints, [finds({ '[fd00::1]:9090': 'unhealthy' })])[0]?.healthy, 0);
  });

  it('is the same when only its date differs', () => {
    const record = serviceRecord(provided([host('10.0.0.1')]), []);
    assert.ok(sameRecord(record, { ...record, changedAtMs: 99 }));
    assert.ok(!sameRecord(record, serviceRecord(provided([]), [])));
    assert.ok(!sameRecord(undefined, record));
  });
});

describe('two reports of a gateway', () => {
  it('differ in the services of which they say different things', () => {
    const before = finds({ a: 'healthy' });
    assert.deepEqual([...changedFindings(before, finds({ a: 'healthy' }))], []);
    assert.deepEqual([...changedFindings(before, finds({ a: 'unhealthy' }))], ['shop/payments']);
    assert.deepEqual([...changedFindings(before, finds({ a: 'healthy', b: 'healthy' }))], ['shop/payments']);
    assert.deepEqual([...changedFindings(before, finds({}))], ['shop/payments']);
  });
});
