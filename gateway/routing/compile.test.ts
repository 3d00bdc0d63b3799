import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Endpoint } from '../../federation/model/endpoint.ts';
import { MAX_WORKER_RATE_BUCKETS } from '../../federation/model/rate-limit.ts';
import type { Peer, RoutingSnapshot, SnapshotService } from '../../federation/model/snapshot.ts';
import {
  EU_B,
  endpointAt,
  offerOf,
  peerAt,
  portOf,
  serviceOf,
  snapshotOf,
} from '../../test/fixtures/routing-snapshot.ts';
import { HashedBalancing } from './balancing/hashed.ts';
import { BucketLedger } from './bucket-ledger.ts';
import { compileRouteTable, type RoutingRuntime } from './compile.ts';
import { PeerAvailability } from './peer-availability.ts';
import type { RouteTable } from './route-table.ts';
import { TroubledPools } from './troubled-pools.ts';

const PORTS = [
  portOf('metrics', 9000, 'tcp', 15_502),
  portOf('http', 80, 'http', 15_500),
  portOf('grpc', 9090, 'http2'),
];

function runtimeOf(): RoutingRuntime<string> {
  return {
    peers: new PeerAvailability(),
    troubled: new TroubledPools(),
    buckets: new BucketLedger(MAX_WORKER_RATE_BUCKETS),
    workers: 2,
    random: Math.random,
    sharedPorts: new Set([15_080]),
    telemetry: (route) => `meters of ${route.target}`,
  };
}

function compile(snapshot: RoutingSnapshot, previous?: RouteTable<string>, runtime = runtimeOf(), nowMs = 0) {
  return compileRouteTable(snapshot, previous, runtime, nowMs);
}

const DRAIN = { kind: 'draining', sinceMs: 1000, overMs: 60_000, fromPercent: 100 } as const;

describe('route table', () => {
  const table = compile(snapshotOf([serviceOf({ ports: PORTS })], []));
  const targetOf = (authority: string) => table.byAuthority(authority)?.target;

  it('finds a service by its names, the first HTTP port by default', () => {
    for (const authority of [
      'payments.shop',
      'payments.shop.svc.clusterset.local',
      'PAYMENTS.shop.svc.clusterset.local.',
      'payments.shop:80',
      'payments.shop:15080',
    ]) {
      assert.equal(targetOf(authority), 'shop/payments:http', authority);
      assert.equal(targetOf(authority), 'shop/payments:http', `${authority} again`);
    }
    assert.equal(targetOf('payments.shop:9090'), 'shop/payments:grpc');
  });

  it('finds no strange port, no TCP port and no stranger by an authority', () => {
    for (const authority of ['payments.shop:9000', 'payments.shop:81', 'cart.shop', 'shop', '']) {
      assert.equal(targetOf(authority), undefined, authority);
    }
  });

  it('finds routes by target and by the port that is listened on', () => {
    assert.equal(table.byTarget('shop/payments:metrics')?.port.port, 9000);
    assert.equal(table.byTarget('shop/payments'), undefined);
    assert.equal(table.byListenPort(15_502)?.target, 'shop/payments:metrics');
    assert.equal(table.byListenPort(80), undefined);
    assert.equal([...table.routes()].length, 3);
  });

  it('has at each route what telemetry made for it', () => {
    assert.equal(table.byTarget('shop/payments:grpc')?.telemetry, 'meters of shop/payments:grpc');
  });
});

describe('compilation', () => {
  it('takes the endpoints and the offers that have the port', () => {
    const service = serviceOf({
      ports: PORTS,
      endpoints: [
        endpointAt('10.0.0.1', { ports: { http: 8080, grpc: 9091 } }),
        endpointAt('fd00::1', { ports: { http: 8081 }, locality: EU_B }),
      ],
      offers: [offerOf('west', 3, { ports: ['http'] }), offerOf('east', 2)],
    });
    const table = compile(snapshotOf([service], []));
    const http = table.byTarget('shop/payments:http');
    assert.deepEqual(
      http?.endpoints.map(({ address, host, port, localityKey }) => [address, host, port, localityKey]),
      [
        ['10.0.0.1:8080', '10.0.0.1', 8080, 'eu/eu-a'],
        ['[fd00::1]:8081', 'fd00::1', 8081, 'eu/eu-b'],
      ],
    );
    assert.deepEqual(
      http?.offers.map((offer) => offer.cluster),
      ['east', 'west'],
    );
    const grpc = table.byTarget('shop/payments:grpc');
    assert.deepEqual([grpc?.endpoints.length, grpc?.offers.length], [1, 1]);
    assert.equal(table.byTarget('shop/payments:metrics')?.endpoints.length, 0);
  });

  it('keeps the routes of services that are the same object', () => {
    const payments = serviceOf({});
    const first = compile(snapshotOf([payments, serviceOf({ name: 'cart' })], []));
    const second = compile(snapshotOf([payments, serviceOf({ name: 'cart' })], [], 2), first);
    assert.equal(second.byTarget('shop/payments:http'), first.byTarget('shop/payments:http'));
    assert.notEqual(second.byTarget('shop/cart:http'), first.byTarget('shop/cart:http'));
    assert.equal(second.byAuthority('cart.shop'), second.byTarget('shop/cart:http'));
  });

  it('says of each table what that table has, whichever is asked first', () => {
    const first = compile(snapshotOf([serviceOf({ ports: PORTS })], []));
    assert.equal(first.byAuthority('payments.shop')?.target, 'shop/payments:http');
    assert.equal(first.byTarget('shop/payments:http')?.port.port, 80);
    const second = compile(snapshotOf([serviceOf({ ports: [portOf('web', 80, 'http')] })], [], 2), first);
    assert.equal(second.byAuthority('payments.shop')?.target, 'shop/payments:web');
    assert.equal(second.byTarget('shop/payments:http'), undefined);
    assert.equal(first.byAuthority('payments.shop')?.target, 'shop/payments:http');
    assert.equal(first.byTarget('shop/payments:http')?.port.port, 80);
    const third = compile(snapshotOf([], [], 3), second);
    assert.equal(third.byAuthority('payments.shop'), undefined);
    assert.equal(second.byAuthority('payments.shop')?.target, 'shop/payments:web');
  });

  it('drops what a snapshot no longer has', () => {
    const first = compile(snapshotOf([serviceOf({})], []));
    const second = compile(snapshotOf([], [], 2), first);
    assert.equal(second.byAuthority('payments.shop'), undefined);
    assert.equal(first.byAuthority('payments.shop')?.target, 'shop/payments:http');
  });

  it('keeps what is known of endpoints that stay when their service changes', () => {
    const runtime = runtimeOf();
    const before = serviceOf({ endpoints: [endpointAt('10.0.0.1'), endpointAt('10.0.0.2')] });
    const first = compile(snapshotOf([before], []), undefined, runtime);
    const [kept] = first.byTarget('shop/payments:http')?.endpoints ?? [];
    assert.ok(kept !== undefined);
    kept.runtime.inFlight = 4;
    const after = serviceOf({
      endpoints: [endpointAt('10.0.0.3'), endpointAt('10.0.0.1', { locality: EU_B })],
    });
    const second = compile(snapshotOf([after], [], 2), first, runtime);
    const endpoints = second.byTarget('shop/payments:http')?.endpoints ?? [];
    assert.deepEqual(
      endpoints.map(({ address, localityKey, runtime: known }) => [address, localityKey, known.inFlight]),
      [
        ['10.0.0.3:8080', 'eu/eu-a', 0],
        ['10.0.0.1:8080', 'eu/eu-b', 4],
      ],
    );
    assert.equal(kept.localityKey, 'eu/eu-a', 'the table before is as it was');
  });

  it('has endpoints that are the same object as the same objects, until they are reached otherwise', () => {
    const runtime = runtimeOf();
    const [one, two, three] = [1, 2, 3].map((host) => endpointAt(`10.0.0.${host}`));
    assert.ok(one !== undefined && two !== undefined && three !== undefined);
    const routed = (service: SnapshotService, version: number, before?: RouteTable<string>) => {
      const table = compile(snapshotOf([service], [], version), before, runtime);
      return { table, endpoints: table.byTarget('shop/payments:http')?.endpoints ?? [] };
    };
    const first = routed(serviceOf({ endpoints: [one, two, three] }), 1);
    const unready = { ...two, state: 'unready' } as const;
    const second = routed(serviceOf({ endpoints: [one, unready, three] }), 2, first.table);
    assert.equal(second.endpoints[0], first.endpoints[0]);
    assert.notEqual(second.endpoints[1], first.endpoints[1]);
    assert.equal(second.endpoints[1]?.runtime, first.endpoints[1]?.runtime);
    assert.equal(second.endpoints[2], first.endpoints[2]);
    const third = routed(serviceOf({ endpoints: [three] }), 3, second.table);
    assert.deepEqual(third.endpoints, [first.endpoints[2]]);
    // What is known of one that went and came back is new, and it is not the one from before.
    const fourth = routed(serviceOf({ endpoints: [one, three] }), 4, third.table);
    assert.notEqual(fourth.endpoints[0]?.runtime, first.endpoints[0]?.runtime);
    const ports = [portOf('http', 80, 'http2')];
    const fifth = routed(serviceOf({ ports, endpoints: [one, three] }), 5, fourth.table);
    assert.notEqual(fifth.endpoints[1], fourth.endpoints[1]);
    assert.equal(fifth.endpoints[1]?.upstream.protocol, 'http2');
    assert.equal(fifth.endpoints[1]?.runtime, fourth.endpoints[1]?.runtime);
  });

  it('takes for new what comes later, and for warm what was there at the start', () => {
    const runtime = runtimeOf();
    const endpointsOf = (...addresses: string[]) =>
      serviceOf({ endpoints: addresses.map((address) => endpointAt(address)) });
    const first = compile(snapshotOf([endpointsOf('10.0.0.1')], []), undefined, runtime);
    const later = snapshotOf([endpointsOf('10.0.0.1', '10.0.0.2')], [], 2);
    const second = compile(later, first, runtime, 9000).byTarget('shop/payments:http');
    const since = second?.endpoints.map((endpoint) => endpoint.runtime.fitSinceMs);
    assert.deepEqual(since, [Number.NEGATIVE_INFINITY, 9000]);
  });

  it('builds the tables of hashes anew only where endpoints come or go', () => {
    const hashOn = { kind: 'source-address' } as const;
    const runtime = runtimeOf();
    const of = (...endpoints: Endpoint[]) =>
      serviceOf({ endpoints, loadBalancing: { kind: 'maglev', hashOn, tableSize: 251 } });
    const tableOf = (table: RouteTable<string>) => {
      const { balancing } = table.byTarget('shop/payments:http') ?? {};
      assert.ok(balancing instanceof HashedBalancing);
      return balancing.tableOf('eu/eu-a');
    };
    const near = [endpointAt('10.0.0.1'), endpointAt('10.0.0.2')];
    const first = compile(snapshotOf([of(...near)], []), undefined, runtime);
    const unready = [endpointAt('10.0.0.1', { state: 'unready' }), endpointAt('10.0.0.2')];
    const far = endpointAt('10.0.0.3', { locality: EU_B });
    const second = compile(snapshotOf([of(...unready, far)], [], 2), first, runtime);
    assert.equal(tableOf(second), tableOf(first));
    const third = compile(snapshotOf([of(endpointAt('10.0.0.1'))], [], 3), second, runtime);
    assert.notEqual(tableOf(third), tableOf(first));
  });

  describe('of other peers', () => {
    const west = peerAt('west', 1000);
    const cases: readonly [string, Peer, boolean][] = [
      ['the same', west, false],
      ['a newer head', { ...west, lastSeenMs: 3000 }, false],
      ['another gateway', { ...west, gateways: [] }, false],
      ['another reach', { ...west, reach: 'unreachable' }, true],
      ['a failure', { ...west, health: { kind: 'failing', sinceMs: 1 } }, true],
      ['a return', { ...west, health: { kind: 'returning', healthySinceMs: 1 } }, true],
      ['a drain', { ...west, drain: DRAIN }, true],
      ['a drain by its own word', { ...west, announcedDrain: DRAIN }, true],
      ['another cluster', peerAt('south', 1000), true],
    ];
    for (const [name, peer, changes] of cases) {
      it(`${changes ? 'makes plans void' : 'lets plans be'}: ${name}`, () => {
        const runtime = runtimeOf();
        const first = compile(snapshotOf([], [west]), undefined, runtime);
        const before = runtime.peers.version;
        compile(snapshotOf([serviceOf({})], [peer], 2), first, runtime);
        assert.equal(runtime.peers.version !== before, changes);
      });
    }
  });

  it('makes plans void with a drain of the own cluster, and with another', () => {
    const runtime = runtimeOf();
    const snapshot = snapshotOf([serviceOf({})], [peerAt('west', 1000)]);
    const drains = [undefined, DRAIN, { ...DRAIN }, { ...DRAIN, overMs: 5 }, undefined];
    let table: RouteTable<string> | undefined;
    const versions = drains.map((drain, version) => {
      table = compile({ ...snapshot, version, ...(drain && { drain }) }, table, runtime);
      return runtime.peers.version;
    });
    const [none, drained, same, other, back] = versions;
    assert.equal(same, drained);
    assert.equal(new Set([none, drained, other, back]).size, 4);
  });

  it('gives a port that is listened on to whoever has it now', () => {
    const at = (name: string, port: number) => serviceOf({ name, ports: [portOf('http', 80, 'http', port)] });
    const first = compile(snapshotOf([at('cart', 15_501), at('payments', 15_502)], []));
    const second = compile(snapshotOf([at('cart', 15_502), at('payments', 15_503)], [], 2), first);
    assert.equal(second.byListenPort(15_501), undefined);
    assert.equal(second.byListenPort(15_502)?.target, 'shop/cart:http');
    assert.equal(second.byListenPort(15_503)?.target, 'shop/payments:http');
  });
});
