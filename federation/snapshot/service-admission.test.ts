import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { assembledService } from '../../test/fixtures/assembled-service.ts';
import { backend, routesOfPayments } from '../../test/fixtures/mesh-routes.ts';
import { endpointAt, serviceOf } from '../../test/fixtures/routing-snapshot.ts';
import { testRecord } from '../../test/fixtures/store-clusters.ts';
import { DEFAULT_FAILOVER_POLICY, EVERY_REQUEST } from '../model/policy.ts';
import { backendKey, type ServiceRecord } from '../model/service.ts';
import type { RoutingSnapshot, SnapshotService } from '../model/snapshot.ts';
import { DEFAULT_TRAFFIC_POLICY, type TrafficPolicy } from '../model/traffic-policy.ts';
import type { UpstreamTls } from '../model/upstream-tls.ts';
import { encodeRecord, parseRecord } from '../store/record.ts';
import { BOUNDS } from '../wire/bounds.ts';
import { snapshotFromBytes, snapshotToBytes } from '../wire/snapshot-message.ts';
import { ServiceAdmission } from './service-admission.ts';

function service(cluster: string, record: ServiceRecord = testRecord('a')): SnapshotService {
  return assembledService([{ cluster, record }]);
}

const NO_TIMES = { requestMs: undefined, backendRequestMs: undefined, idleMs: undefined };

function admits(
  admission: ServiceAdmission,
  ...[key, one, served]: Parameters<ServiceAdmission['admit']>
): boolean {
  return admission.admit(key, one, served) !== undefined;
}

describe('policies that gateways would refuse', () => {
  const served = { ...service('west'), failover: { ...DEFAULT_FAILOVER_POLICY, staleAfterMs: 7 } };
  const tooLong = { ...DEFAULT_FAILOVER_POLICY, namespace: 'shop', name: 'p', staleAfterMs: 1e15 };
  const RULES = Array.from({ length: BOUNDS.rulesPerService + 1 }, () => ({
    ...EVERY_REQUEST,
    action: 'allow' as const,
    origin: { policy: 'shop/open', rule: 0 },
  }));

  it('give way to those that gateways have, and the service stays; without them it is as ever', () => {
    const admission = new ServiceAdmission('east', () => undefined, 2);
    const change = { ...served, failover: tooLong };
    assert.equal(admission.admit('shop/a', change, served), served);
    assert.match(
      admission.problems.join(),
      /^FailoverPolicy\/shop\/p does not hold for shop\/a, .*staleAfterMs/,
    );
    const [told] = admission.policyFaults;
    assert.deepEqual([told?.id, told?.target], ['FailoverPolicy/shop/p', 'shop/a']);
    const mended = { ...served, failover: DEFAULT_FAILOVER_POLICY };
    assert.equal(admission.admit('shop/a', mended, served), mended);
    assert.deepEqual([admission.problems, admission.policyFaults], [[], []]);
  });

  it('without earlier ones leave the service as it is without them, but for who may call it: nobody', () => {
    const admission = new ServiceAdmission('east', () => undefined, 2);
    const traffic = { ...DEFAULT_TRAFFIC_POLICY, timeouts: { ...NO_TIMES, requestMs: 1e15 } };
    const found = admission.admit('shop/a', { ...served, failover: tooLong, traffic, access: RULES });
    assert.deepEqual([found?.failover, found?.traffic], [DEFAULT_FAILOVER_POLICY, DEFAULT_TRAFFIC_POLICY]);
    assert.deepEqual(found?.access, [{ ...EVERY_REQUEST, action: 'deny' }]);
    assert.ok(admission.policyFaults.some(({ id }) => id === 'AccessPolicy/shop/open'));
    const kept = admission.admit('shop/a', { ...served, access: RULES }, { ...served, access: [] });
    assert.deepEqual(kept?.access, []);
  });

  it('are told of no service that had to make way for another', () => {
    const admission = new ServiceAdmission('east', () => undefined, 1);
    admission.admit('shop/a', { ...served, failover: tooLong }, served);
    assert.equal(admission.policyFaults.length, 1);
    const place = admission.place('shop/b', ['east'], new Map([['shop/a', served]]));
    assert.deepEqual(place, { kind: 'instead-of', other: 'shop/a' });
    assert.deepEqual(admission.policyFaults, []);
  });

  it('speak TLS to pods all the same, and send nothing where it is not known how', () => {
    const admission = new ServiceAdmission('east', () => undefined, 2);
    const tls = {
      mode: 'mutual',
      hostname: undefined,
      caCertificates: undefined,
      subjectAltNames: [],
    } as const;
    const of = (upstreamTls: UpstreamTls): TrafficPolicy | undefined =>
      admission.admit('shop/a', {
        ...served,
        traffic: { ...DEFAULT_TRAFFIC_POLICY, timeouts: { ...NO_TIMES, idleMs: 1e15 }, upstreamTls },
      })?.traffic;
    assert.deepEqual(of(tls), { ...DEFAULT_TRAFFIC_POLICY, upstreamTls: tls });
    assert.equal(of({ ...tls, hostname: 'no name' })?.faultInjection?.abort?.httpStatus, 503);
  });

  it('answer 500 where a rule of a route is what they would refuse', () => {
    const admission = new ServiceAdmission('east', () => undefined, 2);
    const [good] = routesOfPayments({ rules: [{ backendRefs: [backend('a')] }] });
    assert.ok(good !== undefined);
    const bad = {
      ...good,
      name: 'bad',
      rules: good.rules.map((rule) => ({ ...rule, requestTimeoutMs: 1e15 })),
    };
    const found = admission.admit('shop/a', { ...served, routes: [bad, good] }, served);
    assert.deepEqual(found?.routes?.[1], good);
    assert.match(found?.routes?.[0]?.rules[0]?.broken ?? '', /refuse/);
    assert.deepEqual(found?.routes?.[0]?.rules[0]?.matches, good.rules[0]?.matches);
    assert.deepEqual(
      admission.policyFaults.map(({ id }) => id),
      [`HTTPRoute/${good.namespace}/bad`],
    );
  });
});

describe('services that gateways would refuse', () => {
  it('are known by their new endpoints, wherever among the others these are', () => {
    const admission = new ServiceAdmission('east', () => undefined, 2);
    const served = serviceOf({ endpoints: [endpointAt('10.0.0.1'), endpointAt('10.0.0.2')] });
    assert.ok(admits(admission, 'shop/payments', served));
    const more = { ...served, endpoints: [...served.endpoints, endpointAt('no host')] };
    assert.ok(!admits(admission, 'shop/payments', more, served));
    assert.match(admission.problems.join(), /payments is not served: endpoints\[2\]\.address/);
    assert.ok(admits(admission, 'shop/payments', { ...served, endpoints: [endpointAt('10.0.0.3')] }, served));
    assert.deepEqual(admission.problems, []);
    const many = Array.from(
      { length: BOUNDS.endpointsPerService + 1 },
      () => served.endpoints[0] ?? endpointAt('::1'),
    );
    assert.ok(
      !admits(admission, 'shop/payments', { ...served, endpoints: many }, { ...served, endpoints: many }),
    );
  });

  it('are told of by the names that people know', () => {
    const told: string[] = [];
    const admission = new ServiceAdmission('east', (key) => told.push(key), 2);
    const unsound = serviceOf({ endpoints: [endpointAt('no host')] });
    assert.ok(!admits(admission, backendKey('shop/payments'), unsound));
    assert.match(admission.problems.join(), /^shop\/payments is not served: /);
    assert.deepEqual(told, ['shop/payments']);
  });

  it('are known by what an offer of theirs says now, or all else that changed', () => {
    const admission = new ServiceAdmission('east', () => undefined, 2);
    const served = service('west');
    const [offer] = served.offers;
    assert.ok(offer !== undefined && admits(admission, 'shop/a', served));
    const refused: readonly (readonly [Partial<SnapshotService>, RegExp])[] = [
      [{ offers: [{ ...offer, changedAtMs: -1 }] }, /changed_at_ms/],
      [{ offers: [{ ...offer, ports: ['no port'] }] }, /ports/],
      [{ offers: [offer, offer] }, /offers/],
      [{ offers: [{ ...offer, cluster: 'No label' }] }, /cluster/],
      [{ ports: served.ports.map((port) => ({ ...port, port: 0 })) }, /port/],
    ];
    for (const [change, fault] of refused) {
      assert.ok(!admits(admission, 'shop/a', { ...served, ...change }, served));
      assert.match(admission.problems.join(), fault);
    }
    assert.ok(admits(admission, 'shop/a', { ...served, offers: [{ ...offer, changedAtMs: 7 }] }, served));
    assert.deepEqual(admission.problems, []);
  });
});

describe('places for services', () => {
  it('are refused to peers when all are taken, told once, and given when one is free', () => {
    const told: string[] = [];
    const admission = new ServiceAdmission('east', (key) => told.push(key), 2);
    const services = new Map([
      ['shop/a', service('west')],
      ['shop/b', service('west')],
    ]);
    for (const key of ['shop/c', 'shop/d']) {
      assert.deepEqual(admission.place(key, ['west'], services), { kind: 'none' });
    }
    assert.deepEqual(told, ['shop/c']);
    assert.match(admission.problems.join(), /^2 services are not served/);
    assert.deepEqual(admission.next(services), []);
    services.delete('shop/a');
    assert.deepEqual(admission.next(services), ['shop/c']);
    assert.deepEqual(admission.place('shop/c', ['west'], services), { kind: 'there' });
    assert.deepEqual(admission.place('shop/d', [], services), { kind: 'there' });
    assert.deepEqual(admission.problems, []);
  });

  it('are given to own services first', () => {
    const admission = new ServiceAdmission('east', () => {}, 2);
    const services = new Map([
      ['shop/a', service('east')],
      ['shop/b', service('west')],
    ]);
    const place = admission.place('shop/c', ['east'], services);
    assert.deepEqual(place, { kind: 'instead-of', other: 'shop/b' });
    services.delete('shop/b');
    services.set('shop/c', service('east'));
    assert.deepEqual(admission.place('shop/d', ['east'], services), { kind: 'none' });
    services.delete('shop/a');
    assert.deepEqual(admission.next(services), ['shop/b']);
  });
});

const anyName = fc.stringMatching(/^[a-z0-9-]{0,4}$/);
const anyTopology = fc.oneof(anyName, fc.string({ maxLength: 6 }));
const anyCount = fc.integer({ min: -1, max: 1_000_001 });
const anyRecord = fc.record(
  {
    service: fc.record({ namespace: fc.constant('shop'), name: fc.constant('a') }),
    type: fc.constantFrom('ClusterSetIP' as const, 'Headless' as const),
    ports: fc.array(
      fc.record({
        name: anyName,
        port: fc.oneof(fc.constantFrom(0, 1, 65_535, 65_536), fc.nat(70_000)),
        protocol: fc.constantFrom('http' as const, 'http2' as const, 'tcp' as const),
        appProtocol: fc.option(fc.string({ maxLength: 4 }), { nil: undefined }),
      }),
      { minLength: 1, maxLength: 2 },
    ),
    exportedAtMs: fc.constantFrom(0, 8_640_000_000_000_000),
    changedAtMs: fc.constantFrom(0, 8_640_000_000_000_000),
    localities: fc.array(
      fc.record({
        locality: fc.record({ region: anyTopology, zone: anyTopology }),
        hosts: fc.constantFrom(0, 3, 1_000_000),
        healthy: fc.constantFrom(0, 1, 3),
        degraded: fc.constantFrom(0, 1),
        excluded: fc.constantFrom(0, 1),
        weight: anyCount,
      }),
      { maxLength: 2 },
    ),
  },
  { noNullPrototype: true },
);

describe('whatever the store takes', () => {
  it('is taken by gateways', () => {
    let accepted = 0;
    fc.assert(
      fc.property(anyRecord, (candidate) => {
        let record: ServiceRecord;
        try {
          record = parseRecord('shop/a', encodeRecord(candidate));
        } catch {
          return; // What readers of the store refuse never comes so far.
        }
        accepted++;
        const snapshot: RoutingSnapshot = {
          epoch: 1,
          version: 1,
          createdAtMs: 1,
          local: {
            name: 'east',
            clusterset: 'mesh.example',
            trustDomain: 'east.mesh.example',
            locality: { region: '', zone: '' },
          },
          peers: new Map(),
          services: new Map([['shop/a', service('west', record)]]),
          trustBundles: new Map(),
        };
        assert.deepEqual(snapshotFromBytes(snapshotToBytes(snapshot)), snapshot);
      }),
      { numRuns: 3000 },
    );
    assert.ok(accepted > 50, `only ${accepted} records were fit to be tested`);
  });
});
