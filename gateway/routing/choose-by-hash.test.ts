import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RoutingSnapshot, SnapshotService } from '../../federation/model/snapshot.ts';
import { routingRuntime } from '../../test/fixtures/routing-runtime.ts';
import { endpointAt, offerOf, peerAt, serviceOf, snapshotOf } from '../../test/fixtures/routing-snapshot.ts';
import { hashOfKey } from './balancing/hash-table.ts';
import { choose } from './choose.ts';
import { compileRouteTable } from './compile.ts';
import { type Choice, type Destination, FIRST_TRY } from './destination.ts';
import type { LocalEndpoint } from './local-endpoint.ts';

const NOW_MS = 1_700_000_000_000;
const [WEST, SOUTH, NORTH] = [peerAt('west', NOW_MS), peerAt('south', NOW_MS), peerAt('north', NOW_MS)];

/** What a gateway of its own chooses by a snapshot. */
function gatewayWith(snapshot: RoutingSnapshot): (choice: Partial<Choice>) => Destination {
  const runtime = routingRuntime();
  const table = compileRouteTable(snapshot, undefined, runtime, NOW_MS);
  const route = table.byTarget('shop/payments:http');
  assert.ok(route !== undefined);
  return (choice) => choose(NOW_MS, table, route, { ...FIRST_TRY, ...choice });
}

function clusterOf(destination: Destination): string {
  return destination.kind === 'trunk' ? destination.cluster : destination.kind;
}

function podOf(destination: Destination): LocalEndpoint {
  assert.ok(destination.kind === 'local');
  return destination.endpoint;
}

/** West, south and north in one tier, which weigh 50, 30 and 20. */
function threeClusters(): SnapshotService {
  const clusters = [
    { cluster: 'west', weight: 50 },
    { cluster: 'south', weight: 30 },
    { cluster: 'north', weight: 20 },
  ];
  const tier = {
    selector: { kind: 'clusters', clusters },
    maxShare: undefined,
    maxConcurrent: undefined,
  } as const;
  const offers = [offerOf('west', 3), offerOf('south', 3), offerOf('north', 3)];
  return serviceOf({ offers, failover: { tiers: [tier] } });
}

describe('choice by hash', () => {
  it('comes to the same cluster for the same hash, in all gateways', () => {
    const choices = [1, 2].map(() => gatewayWith(snapshotOf([threeClusters()], [WEST, SOUTH, NORTH])));
    for (const hash of [0, 1, 99, 4_294_967_295]) {
      const names = choices.flatMap((choice) => [clusterOf(choice({ hash })), clusterOf(choice({ hash }))]);
      assert.equal(new Set(names).size, 1, names.join());
    }
  });

  it('shares hashes by weight, and moves only those of a cluster that goes', () => {
    const hashes = Array.from({ length: 10_000 }, (_, index) => hashOfKey(`user ${index}`));
    const whole = gatewayWith(snapshotOf([threeClusters()], [WEST, SOUTH, NORTH]));
    const before = hashes.map((hash) => clusterOf(whole({ hash })));
    for (const [name, expected] of [
      ['west', 5000],
      ['south', 3000],
      ['north', 2000],
    ] as const) {
      const share = before.filter((one) => one === name).length;
      assert.ok(Math.abs(share - expected) < 200, `${name}: ${share}`);
    }
    const without = gatewayWith(snapshotOf([threeClusters()], [WEST, SOUTH]));
    for (const [index, hash] of hashes.entries()) {
      const now = clusterOf(without({ hash }));
      assert.ok(before[index] === 'north' ? now !== 'north' : now === before[index]);
    }
  });

  it('comes to the same pod directly and over a trunk, and to the same other one when that was tried', () => {
    const loadBalancing = { kind: 'maglev', hashOn: { kind: 'source-address' }, tableSize: 1021 } as const;
    const endpoints = Array.from({ length: 8 }, (_, index) => endpointAt(`10.0.0.${index}`));
    const own = gatewayWith(snapshotOf([serviceOf({ endpoints, loadBalancing })], []));
    const reversed = serviceOf({ endpoints: endpoints.toReversed(), loadBalancing });
    const replica = gatewayWith(snapshotOf([reversed], []));
    const seen = new Set<string>();
    for (let user = 0; user < 200; user++) {
      const hash = hashOfKey(`user ${user}`);
      const first = podOf(own({ hash }));
      seen.add(first.address);
      assert.equal(podOf(own({ hash })).address, first.address);
      const arrived = { hash, localOnly: true, locality: 'eu/eu-a' };
      assert.equal(podOf(replica(arrived)).address, first.address);
      const tried = { clusters: [], endpoints: [first] };
      const second = podOf(own({ hash, tried }));
      assert.notEqual(second.address, first.address);
      assert.equal(podOf(own({ hash, tried })).address, second.address);
    }
    assert.equal(seen.size, 8);
  });
});
