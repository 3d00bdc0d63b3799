import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { Endpoint } from '../../federation/model/endpoint.ts';
import type { RoutingSnapshot, SnapshotService } from '../../federation/model/snapshot.ts';
import { applyDelta, diffSnapshots } from '../../federation/wire/snapshot-delta.ts';
import { snapshotFromBytes, snapshotToBytes } from '../../federation/wire/snapshot-message.ts';
import { routingRuntime } from '../../test/fixtures/routing-runtime.ts';
import {
  endpointAt,
  offerOf,
  PLACES,
  portOf,
  serviceOf,
  snapshotOf,
} from '../../test/fixtures/routing-snapshot.ts';
import { compileRouteTable } from './compile.ts';
import type { RouteTable } from './route-table.ts';

const anyEndpoint: fc.Arbitrary<Endpoint> = fc
  .tuple(fc.nat(8), fc.constantFrom('ready', 'degraded', 'unready'), fc.nat(3), fc.boolean())
  .map(([host, state, weight, metrics]): Endpoint => {
    const ports: Endpoint['ports'] = metrics ? { http: 8080, metrics: 9090 } : { http: 8080 };
    return endpointAt(`10.0.0.${host}`, { state, ports, weight: weight + 1 });
  });

const anyOffers = fc
  .uniqueArray(fc.constantFrom(...(Object.keys(PLACES) as (keyof typeof PLACES)[])), { maxLength: 3 })
  .chain((clusters) =>
    fc.tuple(...clusters.map((cluster) => fc.nat(5).map((hosts) => offerOf(cluster, hosts)))),
  );

type Step = (service: SnapshotService) => SnapshotService;

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(fc.nat(20), fc.nat(2), fc.array(anyEndpoint, { maxLength: 2 })).map(
    ([at, gone, come]): Step =>
      (service) => ({ ...service, endpoints: service.endpoints.toSpliced(at % 9, gone, ...come) }),
  ),
  anyOffers.map(
    (offers): Step =>
      (service) => ({ ...service, offers }),
  ),
  fc.constantFrom<Step>(
    (service) => ({ ...service, ports: [portOf('http', 80, 'http2', 15_501), portOf('metrics', 90, 'tcp')] }),
    (service) => ({
      ...service,
      traffic: { ...service.traffic, loadBalancing: { kind: 'random', slowStart: undefined } },
    }),
    (service) => ({ ...service, failover: { ...service.failover, staleAfterMs: 7 } }),
  ),
);

function compiled(snapshot: RoutingSnapshot, previous?: RouteTable): RouteTable {
  return compileRouteTable(snapshot, previous, routingRuntime(), 0);
}

/** What a table says of its routes, without what is known of endpoints from serving. */
function said(table: RouteTable): unknown {
  return [...table.routes()].map(({ state: _, telemetry: __, access, balancing, endpoints, ...route }) => ({
    ...route,
    everyone: access.everyone,
    balancing: balancing.constructor.name,
    endpoints: endpoints.map(({ runtime, ...endpoint }) => ({ ...endpoint, serving: runtime.serving })),
    found: table.byTarget(route.target)?.target,
    listening: route.port.listenPort && table.byListenPort(route.port.listenPort)?.target,
  }));
}

it('services that are patched one after another are compiled to what a full snapshot is compiled to', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { minLength: 1, maxLength: 12 }), (steps) => {
      let service = serviceOf({ ports: [portOf('http', 80, 'http', 15_500), portOf('metrics', 90, 'tcp')] });
      let sent = snapshotOf([service], []);
      let taken = snapshotFromBytes(snapshotToBytes(sent));
      let table = compiled(taken);
      for (const step of steps) {
        service = step(service);
        const next = { ...sent, version: sent.version + 1, services: new Map([['shop/payments', service]]) };
        taken = applyDelta(taken, diffSnapshots(sent, next, true) ?? assert.fail());
        table = compiled(taken, table);
        sent = next;
      }
      assert.deepEqual(said(table), said(compiled(snapshotFromBytes(snapshotToBytes(sent)))));
    }),
    { numRuns: 200 },
  );
});
