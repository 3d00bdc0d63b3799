import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { backend, routesOfPayments } from '../../test/fixtures/mesh-routes.ts';
import { EU_A, endpointAt } from '../../test/fixtures/routing-snapshot.ts';
import { testRecord } from '../../test/fixtures/store-clusters.ts';
import type { ServiceExport } from '../import/export-conflict.ts';
import type { CallerGroup, CallerGroupKey } from '../model/caller.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { DEFAULT_FAILOVER_POLICY } from '../model/policy.ts';
import { backendKey, type ServiceKey, type ServiceRecord } from '../model/service.ts';
import type { Peer } from '../model/snapshot.ts';
import { DEFAULT_TRAFFIC_POLICY } from '../model/traffic-policy.ts';
import { serviceFault } from '../wire/service-fields.ts';
import { applyDelta, diffSnapshots } from '../wire/snapshot-delta.ts';
import { ListenPorts } from './listen-ports.ts';
import { OfferBook } from './offer-book.ts';
import type { RouteBackendService } from './route-backends.ts';
import { portTarget, portTargets, SnapshotBuilder } from './snapshot-builder.ts';

const LOCAL = {
  name: 'east',
  clusterset: 'mesh.example',
  trustDomain: 'east.mesh.example',
  locality: { region: 'eu', zone: 'a' },
};

/** A builder over exports that the test changes. */
class Bench {
  readonly exports = new Map<ServiceKey, Map<string, ServiceExport>>();
  readonly ports = new ListenPorts({ from: 15_500, to: 15_999 });
  readonly builder: SnapshotBuilder;
  peers: ReadonlyMap<string, Peer> = new Map();
  endpoints: readonly Endpoint[] = [];
  traffic = DEFAULT_TRAFFIC_POLICY;
  callers: ReadonlyMap<CallerGroupKey, CallerGroup> = new Map();
  /** Services that nobody exports, by the parent whose routes name them. */
  readonly backends = new Map<ServiceKey, readonly string[]>();
  readonly local = new Map<ServiceKey, RouteBackendService>();
  readonly omissions: (readonly [ServiceKey, string | undefined])[] = [];

  constructor(maxServices?: number) {
    const trustBundles = new Map();
    this.builder = new SnapshotBuilder(
      { local: LOCAL, epoch: 1, last: undefined },
      {
        network: 'lan',
        exportsOf: (key) => [...(this.exports.get(key)?.values() ?? [])],
        endpointsOf: () => this.endpoints,
        failoverOf: () => DEFAULT_FAILOVER_POLICY,
        trafficOf: () => this.traffic,
        routesOf: () => ROUTES,
        backendOf: (key) => this.#backendOf(key),
        backendsOf: (parent) => (this.backends.get(parent) ?? []).map((name) => `shop/${name}`),
        accessOf: () => [],
        peers: () => this.peers,
        trustBundles: () => trustBundles,
        callers: () => this.callers,
        offers: new OfferBook(),
        ports: this.ports,
        onConflicts: () => {},
        onOmission: (key, reason) => this.omissions.push([key, reason]),
      },
      0,
      maxServices,
    );
  }

  #backendOf(key: ServiceKey): RouteBackendService | undefined {
    const parents = [...this.backends].filter(([, names]) => names.includes(key.slice('shop/'.length)));
    return parents.some(([parent]) => (this.exports.get(parent)?.size ?? 0) > 0)
      ? this.local.get(key)
      : undefined;
  }

  offer(
    name: string,
    cluster: string,
    healthy: number | undefined,
    changes: Partial<ServiceRecord> = {},
  ): void {
    const key = `shop/${name}`;
    const exports = this.exports.getOrInsertComputed(key, () => new Map());
    if (healthy === undefined) exports.delete(cluster);
    else exports.set(cluster, { cluster, record: { ...testRecord(name, healthy), ...changes } });
    this.builder.mark(key);
  }
}

const ROUTES = routesOfPayments({ rules: [{ backendRefs: [backend('a')] }] });

const CANARY = backendKey('shop/canary');
const UNSOUND = endpointAt('10.0.0.9', { locality: { region: 'eu', zone: 'a\tb' } });

describe('a service that only routes lead to', () => {
  const canary = (healthy: number): RouteBackendService => ({
    record: testRecord('canary', healthy),
    endpoints: [endpointAt('10.0.0.9', { locality: EU_A })],
  });
  const scene = (): Bench => {
    const bench = new Bench();
    bench.backends.set('shop/a', ['canary']);
    bench.local.set('shop/canary', canary(3));
    bench.offer('a', 'west', 3);
    return bench;
  };

  it('comes and goes with the service that the routes are attached to, whatever comes first', () => {
    const bench = scene();
    const service = bench.builder.build(1).services.get(CANARY);
    assert.deepEqual([service?.backendOnly, service?.routes], [true, undefined]);
    assert.deepEqual(
      service?.offers.map(({ cluster, localities }) => [cluster, localities[0]?.healthy]),
      [['east', 3]],
    );
    assert.equal(service?.endpoints.length, 1);
    bench.offer('a', 'west', undefined);
    assert.equal(bench.builder.build(2).services.size, 0);
    bench.builder.mark('shop/canary');
    bench.offer('a', 'west', 3);
    assert.deepEqual([...bench.builder.build(3).services.keys()].sort(), ['shop/a', CANARY]);
    bench.local.delete('shop/canary');
    bench.builder.mark('shop/canary');
    assert.deepEqual([...bench.builder.build(4).services.keys()], ['shop/a']);
  });

  it('stays what it is when others offer a service of its name, which is beside it', () => {
    const bench = scene();
    const before = bench.builder.build(1).services.get(CANARY);
    assert.deepEqual(
      before?.ports.map(({ listenPort }) => listenPort),
      [undefined],
    );
    bench.offer('canary', 'west', 2);
    const { services } = bench.builder.build(2);
    assert.equal(services.get(CANARY), before);
    const imported = services.get('shop/canary');
    assert.deepEqual(
      [imported?.backendOnly, imported?.endpoints, imported?.offers.map(({ cluster }) => cluster)],
      [undefined, [], ['west']],
    );
    assert.ok(imported?.ports[0]?.listenPort !== undefined);
    assert.equal(imported.routes, ROUTES);
    const target = portTarget('shop/canary', { name: imported.ports[0]?.name ?? '' });
    bench.local.set('shop/canary', canary(1));
    bench.builder.mark('shop/canary');
    bench.builder.build(3);
    assert.equal(
      bench.ports.get(target),
      imported.ports[0].listenPort,
      'a change of the kept one takes no port',
    );
    bench.local.delete('shop/canary');
    bench.offer('canary', 'west', undefined);
    const left = bench.builder.build(4);
    assert.equal(bench.ports.get(target), undefined);
    assert.deepEqual([...left.services.keys()], ['shop/a']);
    assert.deepEqual(
      [...portTargets(left)],
      [portTarget('shop/a', { name: services.get('shop/a')?.ports[0]?.name ?? '' })],
    );
  });

  it('leaves its name when gateways would refuse it, so that no peer takes its share, until it is sound', () => {
    const bench = scene();
    bench.offer('canary', 'west', 2);
    bench.local.set('shop/canary', { ...canary(3), endpoints: [UNSOUND] });
    const refused = bench.builder.build(1).services.get(CANARY);
    assert.deepEqual(
      [refused?.backendOnly, refused?.ports, refused?.offers, refused?.endpoints],
      [true, [], [], []],
    );
    assert.ok(refused !== undefined && serviceFault(refused) === undefined, 'gateways take it');
    assert.match(
      bench.builder.admission.problems.join(),
      /^shop\/canary is not served: .*control characters/,
    );
    bench.builder.mark('shop/canary');
    assert.equal(bench.builder.build(2).services.get(CANARY), refused);
    bench.local.set('shop/canary', canary(3));
    bench.builder.mark('shop/canary');
    assert.equal(bench.builder.build(3).services.get(CANARY)?.endpoints.length, 1);
    assert.deepEqual(bench.builder.admission.problems, []);
    bench.local.delete('shop/canary');
    bench.builder.mark('shop/canary');
    assert.equal(bench.builder.build(4).services.has(CANARY), false);
  });

  it('keeps its place, also by its name alone, when what others offer makes way', () => {
    const bench = new Bench(2);
    bench.backends.set('shop/a', ['canary']);
    bench.local.set('shop/canary', { ...canary(3), endpoints: [UNSOUND] });
    bench.builder.mark('shop/canary');
    bench.offer('a', 'west', 3);
    assert.deepEqual([...bench.builder.build(1).services.keys()], [CANARY, 'shop/a']);
    bench.offer('own', 'east', 1);
    assert.deepEqual([...bench.builder.build(2).services.keys()].sort(), [CANARY, 'shop/own'].sort());
  });

  it('follows what its Service has', () => {
    const bench = scene();
    bench.builder.build(1);
    bench.local.set('shop/canary', canary(1));
    bench.builder.mark('shop/canary');
    const { services } = bench.builder.build(2);
    assert.equal(services.get(CANARY)?.offers[0]?.localities[0]?.healthy, 1);
  });
});

describe('the snapshot builder', () => {
  it('makes the same snapshot again when nothing changed', () => {
    const bench = new Bench();
    const first = bench.builder.build(1);
    assert.deepEqual([first.version, first.epoch, first.services.size], [1, 1, 0]);
    bench.offer('a', 'west', 3);
    const second = bench.builder.build(2);
    assert.equal(second.version, 2);
    bench.builder.markAll();
    assert.equal(bench.builder.build(3), second);
  });

  it('gives a port while a service is there, and takes it when the service goes', () => {
    const bench = new Bench();
    bench.offer('a', 'west', 3);
    const port = bench.builder.build(1).services.get('shop/a')?.ports[0];
    assert.ok(port?.listenPort !== undefined);
    const target = portTarget('shop/a', port);
    assert.equal(bench.ports.get(target), port.listenPort);
    bench.offer('a', 'west', undefined);
    assert.equal(bench.builder.build(2).services.size, 0);
    assert.equal(bench.ports.get(target), undefined);
  });

  it('keeps a client with an endpoint where the service asks for it, unless a policy says how to choose', () => {
    const bench = new Bench();
    const balancing = (): unknown => bench.builder.build(1).services.get('shop/a')?.traffic.loadBalancing;
    bench.offer('a', 'west', 3, { sessionAffinity: { timeoutSeconds: 60 } });
    assert.deepEqual(balancing(), {
      kind: 'ring-hash',
      hashOn: { kind: 'source-address' },
      minimumRingSize: 1024,
      maximumRingSize: 65_536,
    });
    // The default, too, where a policy asks for it.
    for (const kind of ['random', 'power-of-two'] as const) {
      const chosen = { kind, slowStart: undefined };
      bench.traffic = { ...DEFAULT_TRAFFIC_POLICY, loadBalancing: chosen };
      bench.builder.mark('shop/a');
      assert.deepEqual(balancing(), chosen);
    }
  });

  it('knows addresses of headless services only of clusters in its own network', () => {
    const bench = new Bench();
    const headless = (name: string, network: string) => {
      const groups = [{ ports: { http: 80 }, hosts: [{ address: '10.0.0.1', ready: true }] }];
      bench.offer('a', name, 1, { type: 'Headless', addresses: { network, groups } });
      return groups;
    };
    const groups = headless('west', 'lan');
    headless('north', 'other');
    bench.offer('b', 'west', 1, { addresses: { network: 'lan', groups } });
    bench.builder.build(1);
    assert.deepEqual([...bench.builder.merges.detailsOf('shop/a').addresses], [['west', groups]]);
    assert.equal(bench.builder.merges.detailsOf('shop/b').addresses.size, 0, 'it is not headless');
  });

  it('tells what holds for a service in all clusters, as one object while it says the same', () => {
    const bench = new Bench();
    const { merges } = bench.builder;
    const labels = { team: 'shop' };
    bench.offer('a', 'west', 3, { labels });
    bench.builder.build(1);
    const first = merges.detailsOf('shop/a').traits;
    assert.deepEqual(first, { labels });
    bench.offer('a', 'west', 2, { labels: { ...labels } });
    bench.builder.build(2);
    assert.equal(merges.detailsOf('shop/a').traits, first);
    bench.offer('a', 'west', undefined);
    bench.builder.build(3);
    assert.deepEqual(merges.detailsOf('shop/a').traits, {});
  });

  it('leaves out and tells the one service that gateways would refuse, until it is sound', () => {
    const bench = new Bench();
    const locality = { region: 'eu', zone: 'a\tb' };
    bench.endpoints = [
      { address: '10.0.0.1', ports: { http: 80 }, locality, state: 'ready', changedAtMs: 1 },
    ];
    bench.offer('a', 'east', 3);
    const built = bench.builder.build(1);
    assert.deepEqual([...built.services.keys()], []);
    assert.match(bench.builder.admission.problems.join(), /^shop\/a is not served: .*control characters/);
    assert.deepEqual(
      bench.ports.grants.filter(({ releasedAtMs }) => releasedAtMs === undefined),
      [],
    );
    bench.endpoints = [];
    bench.builder.mark('shop/a');
    assert.equal(bench.builder.build(2).services.size, 1);
    assert.deepEqual(bench.builder.admission.problems, []);
    assert.deepEqual(
      bench.omissions.map(([key, reason]) => [key, reason === undefined]),
      [
        ['shop/a', false],
        ['shop/a', true],
      ],
    );
  });

  it('gives a service that made way a place again that another leaves in the same run', () => {
    const bench = new Bench(2);
    bench.offer('a', 'west', 3);
    bench.offer('b', 'west', 3);
    const before = bench.builder.build(1);
    bench.offer('own', 'east', 3);
    bench.offer('b', 'west', undefined);
    bench.builder.mark('shop/a');
    const after = bench.builder.build(2);
    assert.deepEqual([...after.services.keys()].sort(), ['shop/a', 'shop/own']);
    const [a, again] = [before, after].map(({ services }) => services.get('shop/a'));
    assert.ok(a !== undefined && again === a, 'it is as it was');
    const target = portTarget('shop/a', { name: a.ports[0]?.name ?? '' });
    assert.equal(bench.ports.get(target), a.ports[0]?.listenPort);
    assert.deepEqual(bench.builder.admission.problems, []);
  });

  it('keeps the object of each service and map that did not change, so deltas are exact', () => {
    const step = fc.array(
      fc.record({
        name: fc.constantFrom('a', 'b', 'c'),
        cluster: fc.constantFrom('east', 'west'),
        healthy: fc.option(fc.nat(3), { nil: undefined }),
      }),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        const bench = new Bench();
        let before = bench.builder.build(0);
        for (const changes of steps) {
          for (const { name, cluster, healthy } of changes) bench.offer(name, cluster, healthy);
          const after = bench.builder.build(0);
          const delta = diffSnapshots(before, after);
          assert.ok(delta);
          assert.deepEqual(applyDelta(before, delta), after);
          for (const service of delta.changedServices) {
            const key = `shop/${service.service.name}`;
            assert.notDeepEqual(service, before.services.get(key), 'what did not change is no change');
          }
          assert.equal(after === before, delta.changedServices.length + delta.removedServices.length === 0);
          before = after;
        }
      }),
    );
  });
});

it('callers make a new snapshot when they change, and none where there are none', () => {
  const bench = new Bench();
  const first = bench.builder.build(1);
  assert.equal(first.callers, undefined);
  assert.equal(bench.builder.build(2), first);
  const group = { namespace: 'shop', serviceAccount: 'cart', block: '10.0', addresses: ['10.0.0.1'] };
  bench.callers = new Map([['shop/cart/10.0', group]]);
  const second = bench.builder.build(3);
  assert.equal(second.callers, bench.callers);
  assert.equal(bench.builder.build(4), second);
  bench.callers = new Map();
  assert.equal(bench.builder.build(5).callers, undefined);
});
