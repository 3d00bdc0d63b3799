import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FailoverTier, TierSelector } from '../../federation/model/policy.ts';
import type { Peer, RoutingSnapshot } from '../../federation/model/snapshot.ts';
import { routingRuntime } from '../../test/fixtures/routing-runtime.ts';
import {
  EU_A,
  EU_B,
  endpointAt,
  offerOf,
  peerAt,
  serviceOf,
  snapshotOf,
} from '../../test/fixtures/routing-snapshot.ts';
import { choose } from './choose.ts';
import { compileRouteTable, type RoutingRuntime } from './compile.ts';
import { type Choice, type Destination, FIRST_TRY, finished, started, type Tried } from './destination.ts';
import { PeerAvailability } from './peer-availability.ts';
import type { Route } from './route.ts';
import type { RouteTable } from './route-table.ts';

const NOW_MS = 1_700_000_000_000;

/** One worker with one route; the clock and the snapshot are the test's. */
class Bench {
  nowMs = NOW_MS;
  readonly peers = new PeerAvailability();
  readonly #runtime: RoutingRuntime;
  #table: RouteTable;

  constructor(snapshot: RoutingSnapshot) {
    this.#runtime = routingRuntime(this.peers);
    this.#table = compileRouteTable(snapshot, undefined, this.#runtime, this.nowMs);
  }

  get route(): Route {
    const route = this.#table.byTarget('shop/payments:http');
    assert.ok(route !== undefined);
    return route;
  }

  use(snapshot: RoutingSnapshot): void {
    this.#table = compileRouteTable(snapshot, this.#table, this.#runtime, this.nowMs);
  }

  choose(choice: Partial<Choice> = {}): Destination {
    return choose(this.nowMs, this.#table, this.route, { ...FIRST_TRY, ...choice });
  }

  /** Where each of `picks` first tries went: a cluster, a failure, or `local`. */
  shares(picks = 100, choice: Partial<Choice> = {}): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (let pick = 0; pick < picks; pick++) {
      const name = nameOf(this.choose(choice));
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }
}

function nameOf(destination: Destination): string {
  switch (destination.kind) {
    case 'local':
      return 'local';
    case 'trunk':
      return destination.cluster;
    case 'none':
      return destination.failure;
  }
}

function tried(changes: Partial<Tried>): Partial<Choice> {
  return { tried: { clusters: [], endpoints: [], ...changes } };
}

function tierOf(selector: TierSelector, changes: Partial<FailoverTier> = {}): FailoverTier {
  return { selector, maxShare: undefined, maxConcurrent: undefined, ...changes };
}

function named(...clusters: readonly [string, number][]): TierSelector {
  return {
    kind: 'clusters',
    clusters: clusters.map(([cluster, weight]) => ({ cluster, weight })),
  };
}

const WEST = peerAt('west', NOW_MS);
const SOUTH = peerAt('south', NOW_MS);

/** Two endpoints here, three hosts in the same region, four elsewhere. */
function threeClusters(peers: readonly Peer[] = [WEST, SOUTH], local = 2): RoutingSnapshot {
  const endpoints = [endpointAt('10.0.0.1'), endpointAt('10.0.0.2')].slice(0, local);
  const own = local > 0 ? [offerOf('east', local)] : [];
  const offers = [...own, offerOf('west', 3), offerOf('south', 4)];
  return snapshotOf([serviceOf({ endpoints, offers })], peers);
}

describe('choice of a destination', () => {
  it('is local while the local endpoints can take it all', () => {
    const bench = new Bench(threeClusters());
    assert.deepEqual(bench.shares(), { local: 100 });
  });

  it('gives exact shares over each 100 first tries, by the tiers and within them', () => {
    const failover = { tiers: [tierOf(named(['west', 70], ['south', 30]))] };
    const offers = [offerOf('west', 3), offerOf('south', 9)];
    const bench = new Bench(snapshotOf([serviceOf({ offers, failover })], [WEST, SOUTH]));
    bench.shares(37);
    assert.deepEqual(bench.shares(), { west: 70, south: 30 });
    const weak = [offerOf('west', 4, { healthy: 2 }), offerOf('south', 4)];
    const failing = new Bench(snapshotOf([serviceOf({ offers: weak })], [WEST, SOUTH]));
    failing.shares(61);
    assert.deepEqual(failing.shares(), { west: 70, south: 30 });
  });

  it('is none where nobody offers the service, or no way leads there', () => {
    assert.deepEqual(new Bench(snapshotOf([serviceOf({})], [])).shares(3), { noHealthyUpstream: 3 });
    const offers = [offerOf('west', 3)];
    assert.deepEqual(new Bench(snapshotOf([serviceOf({ offers })], [])).shares(3), { noHealthyUpstream: 3 });
  });

  it('names the locality that the destination shall take, and tells of panic', () => {
    const healthy = new Bench(threeClusters([WEST, SOUTH], 0)).choose();
    assert.ok(healthy.kind === 'trunk');
    assert.deepEqual([healthy.locality, healthy.panic], ['eu/eu-b', false]);
    const offers = [offerOf('west', 3, { healthy: 0 })];
    const unfit = new Bench(snapshotOf([serviceOf({ offers })], [WEST])).choose();
    assert.ok(unfit.kind === 'trunk');
    assert.equal(unfit.panic, true);
  });
});

describe('choice after a loss', () => {
  it('leaves a peer at once, and gives it its steps back when the snapshot says so', () => {
    const bench = new Bench(threeClusters([WEST, SOUTH], 0));
    bench.peers.setFollowed(true);
    assert.deepEqual(bench.shares(), { west: 100 });
    bench.peers.peerAnswered('west', bench.nowMs);
    bench.peers.peerLost('west', bench.nowMs);
    assert.deepEqual(bench.shares(), { south: 100 });
    bench.nowMs += 3000;
    bench.peers.peerAnswered('west', bench.nowMs);
    assert.deepEqual(bench.shares(), { south: 100 });
    const healthySinceMs = bench.nowMs + 100;
    bench.use(threeClusters([{ ...WEST, health: { kind: 'returning', healthySinceMs } }, SOUTH], 0));
    const observed = [0, 29_999, 30_000, 40_000, 50_000, 60_000].map((elapsedMs) => {
      bench.nowMs = healthySinceMs + elapsedMs;
      return bench.shares().west ?? 0;
    });
    assert.deepEqual(observed, [0, 0, 10, 25, 50, 100]);
    assert.deepEqual([...bench.peers.failbacks()], [['west', 1]]);
  });

  it('is not held down for not having been there yet', () => {
    const bench = new Bench(threeClusters([WEST, SOUTH], 0));
    bench.peers.setFollowed(true);
    bench.peers.peerLost('west', bench.nowMs);
    assert.deepEqual(bench.shares(), { south: 100 });
    bench.peers.peerAnswered('west', bench.nowMs);
    assert.deepEqual(bench.shares(), { west: 100 });
  });

  it('comes back by its own sight without a federation service', () => {
    const bench = new Bench(threeClusters([WEST], 0));
    bench.peers.peerAnswered('west', bench.nowMs);
    bench.peers.peerLost('west', bench.nowMs);
    assert.deepEqual(bench.shares(2), { noHealthyUpstream: 2 });
    bench.peers.peerAnswered('west', bench.nowMs);
    assert.deepEqual(bench.shares(2), { west: 2 }, 'held down, but all there is');
    const two = new Bench(threeClusters([WEST, SOUTH], 0));
    two.peers.peerAnswered('west', two.nowMs);
    two.peers.peerLost('west', two.nowMs);
    two.peers.peerAnswered('west', two.nowMs);
    assert.deepEqual(two.shares(), { south: 100 });
    two.nowMs += 40_000;
    assert.deepEqual(two.shares(), { west: 25, south: 75 });
  });

  it('ends the use of a peer that is stale, when its time has come', () => {
    const lastSeenMs = NOW_MS - 299_000;
    const bench = new Bench(threeClusters([{ ...WEST, reach: 'unreachable', lastSeenMs }, SOUTH], 0));
    assert.deepEqual(bench.shares(), { west: 100 });
    bench.nowMs += 1000;
    assert.deepEqual(bench.shares(), { south: 100 });
    bench.peers.peerAnswered('west', bench.nowMs);
    assert.deepEqual(bench.shares(), { west: 100 });
  });
});

describe('choice after a try', () => {
  it('avoids the clusters and endpoints that were tried', () => {
    const bench = new Bench(threeClusters([WEST, SOUTH], 0));
    assert.deepEqual(bench.shares(10, tried({ clusters: ['west'] })), { south: 10 });
    assert.deepEqual(bench.shares(10, tried({ clusters: ['west', 'south'] })), { noHealthyUpstream: 10 });
  });

  it('takes another endpoint of the own cluster before it goes elsewhere', () => {
    const bench = new Bench(threeClusters());
    const [first, second] = bench.route.endpoints;
    assert.ok(first !== undefined && second !== undefined);
    for (let pick = 0; pick < 10; pick++) {
      const again = bench.choose(tried({ endpoints: [first] }));
      assert.ok(again.kind === 'local');
      assert.equal(again.endpoint.address, second.address);
    }
    assert.deepEqual(bench.shares(10, tried({ endpoints: [first, second] })), { west: 10 });
  });

  it('knows a tried endpoint again after a new snapshot', () => {
    const bench = new Bench(threeClusters());
    const [first, second] = bench.route.endpoints;
    assert.ok(first !== undefined && second !== undefined);
    bench.use(threeClusters());
    const again = bench.choose(tried({ endpoints: [first] }));
    assert.ok(again.kind === 'local');
    assert.equal(again.endpoint.address, second.address);
  });

  it('takes a cluster that is held down only when no other is left', () => {
    const heldDown = { ...SOUTH, health: { kind: 'returning', healthySinceMs: NOW_MS } } as const;
    const offers = [offerOf('west', 3), offerOf('south', 4), offerOf('north', 1)];
    const failover = {
      tiers: [tierOf(named(['west', 1])), tierOf(named(['south', 1])), tierOf(named(['north', 1]))],
    };
    const peers = [WEST, heldDown, peerAt('north', NOW_MS)];
    const bench = new Bench(snapshotOf([serviceOf({ offers, failover })], peers));
    assert.deepEqual(bench.shares(), { west: 100 });
    assert.deepEqual(bench.shares(5, tried({ clusters: ['west'] })), { north: 5 });
    assert.deepEqual(bench.shares(5, tried({ clusters: ['west', 'north'] })), { south: 5 });
  });

  it('spreads over the clusters of the tier that is left', () => {
    const failover = { tiers: [tierOf(named(['west', 1])), tierOf(named(['south', 1], ['north', 1]))] };
    const offers = [offerOf('west', 3), offerOf('south', 4), offerOf('north', 4)];
    const peers = [WEST, SOUTH, peerAt('north', NOW_MS)];
    const bench = new Bench(snapshotOf([serviceOf({ offers, failover })], peers));
    assert.deepEqual(bench.shares(10, tried({ clusters: ['west'] })), { south: 5, north: 5 });
  });
});

describe('choice under bounds', () => {
  const failover = {
    tiers: [
      tierOf(named(['west', 1]), { maxConcurrent: 2 }),
      tierOf(named(['south', 1]), { maxConcurrent: 1 }),
    ],
  };
  const offers = [offerOf('west', 3), offerOf('south', 3)];

  it('overflows to the next tier, and sheds from the last', () => {
    const bench = new Bench(snapshotOf([serviceOf({ offers, failover })], [WEST, SOUTH]));
    const begun = [0, 1, 2].map(() => {
      const destination = bench.choose();
      started(destination);
      return destination;
    });
    assert.deepEqual(begun.map(nameOf), ['west', 'west', 'south']);
    assert.equal(nameOf(bench.choose()), 'overflow');
    const [first] = begun;
    assert.ok(first !== undefined);
    finished(first, bench.nowMs, 'success', 5);
    assert.equal(nameOf(bench.choose()), 'west');
  });

  it('counts on over a new snapshot', () => {
    const bench = new Bench(snapshotOf([serviceOf({ offers, failover })], [WEST, SOUTH]));
    const begun = bench.choose();
    started(begun);
    const tiers = failover.tiers.map((tier) => ({ ...tier, maxConcurrent: 1 }));
    bench.use(snapshotOf([serviceOf({ offers, failover: { tiers } })], [WEST, SOUTH]));
    assert.equal(nameOf(bench.choose()), 'south');
    finished(begun, bench.nowMs, 'success', 5);
    assert.equal(nameOf(bench.choose()), 'west');
  });

  it('does not overflow to an earlier tier', () => {
    const local = {
      tiers: [tierOf({ kind: 'same-zone' }), tierOf(named(['west', 1]), { maxConcurrent: 0 })],
    };
    const weak = [offerOf('east', 2), offerOf('west', 2)];
    const endpoints = [endpointAt('10.0.0.1'), endpointAt('10.0.0.2', { state: 'unready' })];
    const bench = new Bench(snapshotOf([serviceOf({ offers: weak, endpoints, failover: local })], [WEST]));
    assert.deepEqual(bench.shares(), { local: 70, overflow: 30 });
  });
});

describe('choice among local endpoints', () => {
  const endpoints = [
    endpointAt('10.0.0.1'),
    endpointAt('10.0.0.2', { locality: EU_B }),
    endpointAt('10.0.0.3', { locality: EU_B, state: 'degraded' }),
    endpointAt('10.0.0.4', { state: 'unready' }),
  ];
  const arrived = { localOnly: true } as const;
  const addressOf = (destination: Destination) =>
    destination.kind === 'local' ? destination.endpoint.host : nameOf(destination);

  function bench(): Bench {
    return new Bench(snapshotOf([serviceOf({ endpoints, offers: [offerOf('west', 3)] })], [WEST]));
  }

  it('keeps what came on a trunk here, in the locality that was chosen', () => {
    for (let pick = 0; pick < 20; pick++) {
      assert.equal(addressOf(bench().choose({ ...arrived, locality: 'eu/eu-b' })), '10.0.0.2');
      assert.equal(addressOf(bench().choose({ ...arrived, locality: 'eu/eu-a' })), '10.0.0.1');
    }
  });

  it('takes another locality when none is healthy there, and a degraded endpoint last', () => {
    const worker = bench();
    const [first, second] = worker.route.endpoints;
    assert.ok(first !== undefined && second !== undefined);
    worker.route.state.pool.setCheck(second.address, 'unhealthy', NOW_MS);
    assert.equal(addressOf(worker.choose({ ...arrived, locality: 'eu/eu-b' })), '10.0.0.1');
    assert.equal(addressOf(worker.choose({ ...arrived, locality: 'xx/yy' })), '10.0.0.1');
    assert.equal(
      addressOf(worker.choose({ ...arrived, locality: 'eu/eu-a', ...tried({ endpoints: [first] }) })),
      '10.0.0.3',
    );
  });

  it('refuses when none is fit: the source knows better places', () => {
    const worker = bench();
    for (const { address } of worker.route.endpoints)
      worker.route.state.pool.setCheck(address, 'unhealthy', NOW_MS);
    assert.equal(nameOf(worker.choose(arrived)), 'noLocalEndpoint');
    const panic = worker.choose({ ...arrived, panic: true });
    assert.ok(panic.kind === 'local', 'unless the source is in panic too');
    assert.notEqual(panic.endpoint.host, '10.0.0.4', 'which does not mean endpoints that are not ready');
  });

  it('is not bound by what the source counted', () => {
    const failover = { tiers: [tierOf({ kind: 'any' }, { maxConcurrent: 0 })] };
    const worker = new Bench(snapshotOf([serviceOf({ endpoints, failover })], []));
    assert.equal(nameOf(worker.choose()), 'overflow');
    assert.equal(nameOf(worker.choose(arrived)), 'local');
  });

  it('counts hosts as this worker sees them: ejected ones are not healthy', () => {
    const two = [endpointAt('10.0.0.1'), endpointAt('10.0.0.2')];
    const offers = [offerOf('east', 2), offerOf('west', 3)];
    const worker = new Bench(snapshotOf([serviceOf({ endpoints: two, offers })], [WEST]));
    assert.deepEqual(worker.shares(), { local: 100 });
    const victim = worker.choose();
    for (let failures = 0; failures < 5; failures++) {
      started(victim);
      finished(victim, worker.nowMs, 'failure', 1);
    }
    assert.deepEqual(worker.shares(), { local: 70, west: 30 });
    worker.nowMs += 30_000;
    worker.route.state.pool.sweep(worker.nowMs);
    assert.deepEqual(worker.shares(), { local: 100 });
  });

  it('does not use an endpoint whose first check is pending', () => {
    const healthCheck = {
      check: { kind: 'tcp' },
      intervalMs: 1000,
      timeoutMs: 500,
      unhealthyThreshold: 2,
      healthyThreshold: 1,
    } as const;
    const checked = serviceOf({
      endpoints: [endpointAt('10.0.0.1', { locality: EU_A })],
      offers: [offerOf('east', 1), offerOf('west', 3)],
      failover: { healthCheck },
    });
    const worker = new Bench(snapshotOf([checked], [WEST]));
    assert.deepEqual(worker.shares(), { west: 100 });
    worker.route.state.pool.setCheck('10.0.0.1:8080', 'healthy', NOW_MS);
    assert.deepEqual(worker.shares(), { local: 100 });
  });
});
