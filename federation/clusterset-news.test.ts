import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { ExportDispute } from '../clusters/kubernetes/mcs/clusterset-view.ts';
import { peerAt, portOf, serviceOf, snapshotOf } from '../test/fixtures/routing-snapshot.ts';
import { ClustersetNews } from './clusterset-news.ts';
import type { Peer, SnapshotService } from './model/snapshot.ts';
import { ManualClock } from './runtime/clock.ts';
import type { ServiceDetails } from './snapshot/merge-book.ts';

const KEY = 'shop/payments';

/** What the news are made of, as a test says it; `told` is what listeners heard. */
class Sources {
  readonly clock = new ManualClock();
  readonly told: string[] = [];
  readonly news: ClustersetNews;
  services: readonly SnapshotService[] = [];
  peers: readonly Peer[] = [];
  version = 0;
  details: ServiceDetails = { traits: {}, otherPorts: [], addresses: new Map() };
  disputes: readonly ExportDispute[] = [];
  complete = false;
  heard: readonly string[] = [];
  readonly members = new Set<string>();
  /** Though it may not be served. */
  readonly offered = new Set<string>();
  said = false;
  published = false;

  constructor(t: TestContext) {
    this.news = new ClustersetNews({
      local: 'east',
      network: undefined,
      snapshot: () => snapshotOf(this.services, this.peers, this.version),
      detailsOf: () => this.details,
      disputesOf: () => this.disputes,
      complete: () => this.complete,
      heard: () => this.heard,
      isMember: (cluster) => this.members.has(cluster),
      isOffered: (key) => this.offered.has(key),
      isSaid: () => this.said,
      isPublished: () => this.published,
      clock: this.clock,
    });
    t.after(() => this.news.close());
    this.news.watch((keys) => this.told.push(keys.join()));
  }

  build(...services: readonly SnapshotService[]): void {
    this.services = services;
    this.version += 1;
    this.news.snapshotChanged();
    this.clock.advance(100);
  }
}

describe('news of the clusterset', () => {
  it('say nothing of what an earlier process served', (t) => {
    const sources = new Sources(t);
    sources.services = [serviceOf({})];
    sources.news.snapshotChanged();
    sources.clock.advance(5000);
    assert.deepEqual(sources.told, []);
    assert.equal(sources.news.serviceOf(KEY), undefined);
  });

  it('do not say that a service is gone that is only not served, and say it when nobody offers it', (t) => {
    const sources = new Sources(t);
    sources.heard = ['east', 'west'];
    sources.offered.add(KEY);
    sources.build(serviceOf({}));
    sources.build();
    sources.clock.advance(10_000);
    assert.equal(sources.news.isGone(KEY, ['west']), false);
    assert.ok(sources.news.serviceOf(KEY) !== undefined, 'it is shown as it was');
    assert.equal(sources.told.length, 1);
    sources.offered.clear();
    sources.clock.advance(2000);
    assert.equal(sources.news.isGone(KEY, ['west']), true);
    assert.deepEqual(sources.told.slice(1), [KEY]);
  });

  it('tell each change once, and nothing while nothing changes', (t) => {
    const sources = new Sources(t);
    const [payments, cart] = [serviceOf({}), serviceOf({ name: 'cart' })];
    sources.build(payments, cart);
    assert.deepEqual(sources.told, ['shop/payments,shop/cart']);
    assert.deepEqual([...sources.news.keys], [KEY, 'shop/cart']);
    sources.build(payments, cart);
    sources.clock.advance(10_000);
    assert.equal(sources.told.length, 1);
    sources.build(payments, serviceOf({ name: 'cart', ports: [portOf('admin', 81, 'http', 15_501)] }));
    assert.deepEqual(sources.told.slice(1), ['shop/cart']);
    assert.equal(sources.news.serviceOf('shop/cart')?.ports[0]?.name, 'admin');
  });

  it('do not speak of services that only routes lead to; one that becomes such is gone', (t) => {
    const sources = new Sources(t);
    const backend = (name: string) => ({ ...serviceOf({ name }), backendOnly: true as const });
    sources.build(serviceOf({}), backend('canary'));
    sources.build(backend('payments'), backend('canary'));
    sources.build(backend('payments'));
    sources.build(serviceOf({}));
    assert.deepEqual(sources.told, [KEY, KEY, KEY]);
    sources.build(backend('payments'));
    assert.deepEqual([[...sources.news.keys], sources.news.isGone(KEY, [])], [[], true]);
  });

  it('leave the machines to those who route while thousands of services are new', (t) => {
    const sources = new Sources(t);
    const many = Array.from({ length: 2000 }, (_, at) => serviceOf({ name: `service-${at}` }));
    sources.build(...many);
    sources.clock.advance(1000);
    sources.build(...many, serviceOf({}));
    assert.deepEqual([sources.told, sources.news.serviceOf(KEY)], [[], undefined]);
    sources.clock.advance(2000);
    assert.equal(sources.told.length, 1);
    assert.equal([...sources.news.keys].length, 2001);
    sources.build(...many);
    assert.deepEqual(sources.told.slice(1), [KEY], 'later ones come at once');
  });

  it('do not speak of hosts that come and go, which no import shows', (t) => {
    const sources = new Sources(t);
    const offer = { cluster: 'west', localities: [], changedAtMs: 1, health: { kind: 'steady' } } as const;
    sources.build(serviceOf({ offers: [offer] }));
    sources.build(serviceOf({ offers: [{ ...offer, changedAtMs: 2 }], failover: { name: 'other' } }));
    assert.deepEqual(sources.told, [KEY]);
    sources.build(serviceOf({ offers: [{ ...offer, ports: ['http'] }] }));
    sources.build(serviceOf({ offers: [{ ...offer, cluster: 'north' }] }));
    assert.deepEqual(sources.told, [KEY, KEY, KEY]);
    assert.deepEqual(sources.news.serviceOf(KEY)?.offers, [{ cluster: 'north' }]);
  });

  it('come at most ten times a second, however many snapshots there are', (t) => {
    const sources = new Sources(t);
    sources.build(serviceOf({}));
    sources.told.length = 0;
    for (let at = 0; at < 50; at++) {
      sources.services = [serviceOf({ ports: [portOf('http', 80, 'http', 15_500 + at)] })];
      sources.version += 1;
      sources.news.snapshotChanged();
      sources.clock.advance(10);
    }
    assert.ok(sources.told.length > 1 && sources.told.length <= 6, `${sources.told.length} times`);
  });

  it('tell of other traits, addresses and disputes without another snapshot', (t) => {
    const sources = new Sources(t);
    sources.build(serviceOf({}));
    sources.details = { traits: { labels: { a: 'b' } }, otherPorts: [], addresses: new Map() };
    sources.news.mergeChanged(KEY);
    sources.clock.advance(100);
    assert.deepEqual(sources.told, [KEY, KEY]);
    assert.deepEqual(sources.news.serviceOf(KEY)?.traits, { labels: { a: 'b' } });
    const shown = sources.news.serviceOf(KEY);
    sources.disputes = [{ cluster: 'west', winner: 'east', reason: 'PortConflict', message: '' }];
    sources.news.mergeChanged(KEY);
    sources.clock.advance(100);
    assert.equal(sources.told.length, 3);
    assert.equal(sources.news.disputesOf(KEY), sources.disputes);
    assert.equal(sources.news.serviceOf(KEY), shown);
  });

  it('keep the pods of a cluster that is lost, and call none of them ready once it is lost for too long', (t) => {
    const sources = new Sources(t);
    const seenAtMs = sources.clock.now();
    const west = (changes: Partial<Peer>): readonly Peer[] => [peerAt('west', seenAtMs, changes)];
    const hosts = [
      { address: '10.0.0.1', ready: true },
      { address: '10.0.0.2', ready: false },
    ];
    const group = { ports: { http: 80 }, hosts };
    const addresses = new Map([
      ['north', [group]],
      ['west', [group]],
    ]);
    sources.details = { traits: {}, otherPorts: [], addresses };
    const offers = [{ cluster: 'west', localities: [], changedAtMs: 1, health: { kind: 'steady' } }] as const;
    const service = serviceOf({ offers, failover: { staleAfterMs: 60_000 } });
    const ready = (cluster: string) =>
      sources.news
        .serviceOf(KEY)
        ?.addresses.get(cluster)?.[0]
        ?.hosts.map((host) => host.ready);
    const failing = { health: { kind: 'failing', sinceMs: seenAtMs }, lastSeenMs: seenAtMs } as const;
    sources.peers = west({ reach: 'unreachable', ...failing });
    sources.build(service);
    sources.clock.advance(59_000);
    assert.deepEqual([ready('west'), sources.told], [[true, false], [KEY]]);
    sources.clock.advance(3000);
    assert.deepEqual(ready('west'), [false, false]);
    assert.deepEqual(ready('north'), [true, false]);
    assert.deepEqual(sources.told, [KEY, KEY], 'once');
    assert.deepEqual(sources.news.serviceOf(KEY)?.offers, [{ cluster: 'west' }], 'it still exports it');
    sources.clock.advance(10_000);
    // A trunk answers, so that its pods are known to be reached, though the store has nothing new of it.
    sources.peers = west({ reach: 'unreachable', lastSeenMs: seenAtMs });
    sources.build(service);
    assert.deepEqual([ready('west'), sources.told.length], [[true, false], 3]);
  });

  it('look at the pods of a lost cluster when they are stale at last, and no more while it stays lost', (t) => {
    const sources = new Sources(t);
    let looks = 0;
    const group = {
      ports: { http: 80 },
      get hosts() {
        looks += 1;
        return [{ address: '10.0.0.1', ready: true }];
      },
    };
    sources.details = { traits: {}, otherPorts: [], addresses: new Map([['west', [group]]]) };
    const lastSeenMs = sources.clock.now();
    const failing = { kind: 'failing', sinceMs: lastSeenMs } as const;
    sources.peers = [peerAt('west', lastSeenMs, { reach: 'unreachable', health: failing })];
    const service = serviceOf({ failover: { staleAfterMs: 60_000 } });
    sources.build(service);
    sources.clock.advance(65_000);
    const found = looks;
    const isReady = sources.news.serviceOf(KEY)?.addresses.get('west')?.[0]?.hosts[0]?.ready;
    assert.deepEqual([isReady, found > 0], [false, true]);
    for (let at = 0; at < 100; at++) sources.build(service);
    assert.equal(looks, found);
  });

  it('call a service gone when it was taken back, or when everything is known and it is not there', (t) => {
    const sources = new Sources(t);
    sources.build(serviceOf({}));
    assert.ok(!sources.news.isGone('shop/never', []), 'nobody knows');
    sources.build();
    assert.deepEqual(sources.told, [KEY, KEY]);
    assert.ok(sources.news.isGone(KEY, []));
    assert.ok(!sources.news.isGone('shop/never', []));
    sources.build(serviceOf({}));
    assert.ok(!sources.news.isGone(KEY, []));
    sources.complete = true;
    // The copies may be ahead of the snapshot: the first look says nothing yet.
    sources.news.snapshotChanged();
    sources.clock.advance(100);
    assert.ok(!sources.news.isGone('shop/never', []));
    sources.clock.advance(1100);
    assert.ok(sources.news.isGone('shop/never', []));
    sources.complete = false;
    sources.clock.advance(5000);
    assert.ok(sources.news.isGone('shop/never', []), 'what was known once stays known');
  });

  it('call a service gone as soon as all that had it were heard, whatever others there are', (t) => {
    const sources = new Sources(t);
    const { news, clock } = sources;
    const isGone = (...exporters: readonly string[]): boolean => news.isGone('shop/never', exporters);
    assert.ok(!isGone('east'), 'nothing was looked at');
    sources.heard = ['west'];
    sources.build();
    assert.ok(!isGone('west'), 'the snapshot may be older than the copy');
    clock.advance(1100);
    assert.ok(isGone('west') && isGone('east', 'west'));
    assert.ok(!isGone('west', 'north'));
    sources.heard = [];
    clock.advance(5000);
    assert.ok(isGone('west'), 'what was heard once is followed');
  });

  it('call no service of a peer gone that was never heard, though the store names nobody', (t) => {
    const sources = new Sources(t);
    sources.members.add('west');
    sources.complete = true;
    sources.build();
    sources.clock.advance(2000);
    assert.ok(!sources.news.isGone('shop/never', ['west']));
    assert.ok(sources.news.isGone('shop/never', []));
    sources.clock.advance(3_600_000);
    assert.ok(!sources.news.isGone('shop/never', ['west']));
  });

  it('leave a cluster that no object here names ten minutes of a whole store to speak', (t) => {
    const sources = new Sources(t);
    const isGone = (): boolean => sources.news.isGone('shop/never', ['north']);
    sources.complete = true;
    sources.build();
    sources.clock.advance(300_000);
    assert.ok(!isGone(), 'the store lost everything, and the other has not written again yet');
    sources.complete = false;
    sources.clock.advance(3_600_000);
    assert.ok(!isGone(), 'nobody can be heard while the store is away');
    sources.complete = true;
    sources.clock.advance(290_000);
    assert.deepEqual([isGone(), sources.told], [false, []]);
    sources.clock.advance(15_000);
    assert.ok(isGone(), 'nobody knows that cluster any more');
    assert.deepEqual(sources.told, ['shop/never'], 'who asked before is told');
    sources.clock.advance(60_000);
    assert.equal(sources.told.length, 1);
  });

  it('tell when an export that was on its way has arrived', (t) => {
    const sources = new Sources(t);
    sources.build();
    assert.deepEqual(sources.news.exportOf(KEY), { kind: 'unsaid' });
    sources.said = true;
    assert.deepEqual(sources.news.exportOf(KEY), { kind: 'pending' });
    sources.clock.advance(2000);
    assert.deepEqual(sources.told, []);
    sources.published = true;
    sources.clock.advance(1100);
    assert.deepEqual(sources.told, [KEY]);
    assert.deepEqual(sources.news.exportOf(KEY), { kind: 'published' });
    sources.clock.advance(5000);
    assert.equal(sources.told.length, 1);
  });
});
