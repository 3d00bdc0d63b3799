import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { PausableDriver } from '../../test/fixtures/pausable-driver.ts';
import { keysOf, settled } from '../../test/fixtures/publishing-contract.ts';
import { RedisServer } from '../../test/fixtures/redis-server.ts';
import { ADMIN, OPERATORS_ACL, redisWorld } from '../../test/fixtures/redis-world.ts';
import { missingTools } from '../../test/fixtures/requirement.ts';
import { serverCertificate } from '../../test/fixtures/server-certificate.ts';
import {
  CLUSTERSET,
  eventually,
  StoreClusters,
  StoreIdentities,
  testRecord,
} from '../../test/fixtures/store-clusters.ts';
import { storeContract } from '../../test/fixtures/store-contract.ts';
import type { StoreWorld } from '../../test/fixtures/store-world.ts';
import { Lifetime } from '../runtime/lifetime.ts';
import type { FollowerOptions } from './follower.ts';
import { StoreKeys } from './redis/keys.ts';

const KEYS = new StoreKeys(CLUSTERSET);
const NEVER_MS = 3_600_000;

describe('Redis with TLS and a user per cluster', { skip: missingTools('redis-server') }, () => {
  const lifetime = new Lifetime();
  let world: StoreWorld;
  let server: RedisServer;
  let identities: StoreIdentities;
  before(async () => {
    identities = await StoreIdentities.create();
    const tls = await serverCertificate();
    const owner = { after: (close: () => void | Promise<void>) => lifetime.add(close) };
    server = await RedisServer.start(owner, { tls, acl: OPERATORS_ACL, password: ADMIN.password });
    const location = { urls: [server.url], caPem: tls.caPem };
    world = await redisWorld({ location, servers: [server], keeper: async () => server });
  });
  after(() => lifetime.close());

  storeContract(() => world);

  async function clustersOf(t: TestContext): Promise<StoreClusters> {
    await world.hostile.wipe();
    const clusters = new StoreClusters(t, world, identities);
    t.after(() => clusters.truth.assertNothingWrong());
    return clusters;
  }

  /** North follows west, which has `shop/cart`, and east, which has `shop/foreign`. */
  async function twoFollowed(t: TestContext, options: Partial<FollowerOptions> = {}) {
    const clusters = await clustersOf(t);
    const [west, east] = [clusters.publisher('west'), clusters.publisher('east')];
    clusters.replace(west, 'west', [testRecord('cart')]);
    clusters.replace(east, 'east', [testRecord('foreign')]);
    const follower = await clusters.follower('north', options);
    await eventually(
      'both are synced',
      () => keysOf(follower, 'west') + keysOf(follower, 'east') === 'shop/cartshop/foreign',
    );
    return { clusters, west, east, follower };
  }

  it('an RDB of yesterday turns nothing back', async (t) => {
    const clusters = await clustersOf(t);
    const west = clusters.publisher('west');
    clusters.replace(west, 'west', [testRecord('cart'), testRecord('pay')]);
    const follower = await clusters.follower('east');
    await eventually('west is synced', () => keysOf(follower, 'west') === 'shop/cart shop/pay');
    const operator = server.client();
    await operator.save();
    const [dump, kept] = [join(server.folder, 'dump.rdb'), join(server.folder, 'yesterday.rdb')];
    copyFileSync(dump, kept);
    west.delete('shop/cart');
    clusters.set(west, 'west', testRecord('stock'));
    await eventually('the newer state', () => keysOf(follower, 'west') === 'shop/pay shop/stock');
    await server.kill();
    copyFileSync(kept, dump);
    const shown = new Set<string>();
    follower.watch(() => shown.add(keysOf(follower, 'west')));
    await server.start();
    clusters.set(west, 'west', testRecord('news'));
    await eventually('news', () => keysOf(follower, 'west') === 'shop/news shop/pay shop/stock');
    assert.ok(!shown.has('shop/cart shop/pay'));
    const reader = await clusters.follower('north');
    await eventually('a new reader', () => keysOf(reader, 'west') === 'shop/news shop/pay shop/stock');
  });

  it('own keys of another kind are made anew', async (t) => {
    const clusters = await clustersOf(t);
    const west = clusters.publisher('west');
    clusters.replace(west, 'west', [testRecord('cart')]);
    const follower = await clusters.follower('east');
    await eventually('west is synced', () => keysOf(follower, 'west') === 'shop/cart');
    const operator = server.client();
    for (const key of [
      KEYS.services('west'),
      KEYS.log('west'),
      KEYS.head('west'),
      KEYS.fence('west'),
      KEYS.lease('west'),
    ]) {
      // In one step: the publisher writes what it misses at once, and to that nothing can be pushed.
      const [, pushed] = (await operator.multi().del(key).lpush(key, 'garbage').exec()) ?? [];
      assert.deepEqual(pushed, [null, 1]);
      const name = `after-${key.split(':').at(-1)}`;
      clusters.set(west, 'west', testRecord(name));
      await eventually(`news with a broken ${key}`, () => keysOf(follower, 'west').includes(`shop/${name}`));
    }
    const reader = await clusters.follower('north');
    await eventually('a new reader', () => keysOf(reader, 'west') === keysOf(follower, 'west'));
  });

  it('a member whose log is no log stops nobody else’s news', async (t) => {
    const { clusters, west, east, follower } = await twoFollowed(t);
    await east.close();
    const operator = server.client();
    await operator.set(KEYS.log('east'), 'no stream');
    clusters.set(west, 'west', testRecord('stock'));
    await eventually('news of west', () => keysOf(follower, 'west') === 'shop/cart shop/stock');
    const told = (): boolean =>
      clusters.reports.some(({ cluster, message }) => cluster === 'east' && /no stream/.test(message));
    await eventually('east’s log is reported', told);
    assert.equal(keysOf(follower, 'east'), 'shop/foreign');
  });

  it('a member whose log has an entry of 20 MB stops nobody else’s news', async (t) => {
    // Who looks up east's head because it is late reads on behind the entry, and never meets it.
    const { clusters, west, east, follower } = await twoFollowed(t, { lateMs: NEVER_MS });
    const operator = server.client();
    await operator.xadd(KEYS.log('east'), '*', 'h', Buffer.alloc(20 * 1024 * 1024));
    clusters.set(west, 'west', testRecord('stock'));
    clusters.set(east, 'east', testRecord('more'));
    await eventually('news of west', () => keysOf(follower, 'west') === 'shop/cart shop/stock');
    await eventually('news of east', () => keysOf(follower, 'east') === 'shop/foreign shop/more');
    await eventually('east’s log is reported', () =>
      clusters.reports.some(({ cluster, message }) => cluster === 'east' && /too large/.test(message)),
    );
  });

  it('a log whose ids were driven to their end begins anew', async (t) => {
    const clusters = await clustersOf(t);
    const west = clusters.publisher('west');
    clusters.replace(west, 'west', [testRecord('cart')]);
    const follower = await clusters.follower('east');
    await eventually('west is synced', () => keysOf(follower, 'west') === 'shop/cart');
    const last = '18446744073709551615-18446744073709551615';
    await server.client().xadd(KEYS.log('west'), last, 'x', '1');
    for (const name of ['first', 'second']) {
      clusters.set(west, 'west', testRecord(name));
      await eventually(`the ${name} news`, () => keysOf(follower, 'west').includes(`shop/${name}`));
    }
  });

  it('a reader that was too slow for the log reads the whole set', async (t) => {
    const clusters = await clustersOf(t);
    const west = clusters.publisher('west', { batchWindowMs: 0 });
    clusters.replace(west, 'west', [testRecord('cart')]);
    const slow = new PausableDriver(clusters.driver('east'));
    const follower = await clusters.follower('east', { driver: slow.driver });
    await eventually('west is synced', () => keysOf(follower, 'west') === 'shop/cart');
    slow.pause();
    for (let change = 1; change <= 10; change++) {
      clusters.set(west, 'west', testRecord(`service-${change}`));
      await settled(west);
    }
    await server.client().xtrim(KEYS.log('west'), 'MAXLEN', 3);
    const sizes: number[] = [];
    follower.watch(() => sizes.push(follower.views.get('west')?.records.size ?? 0));
    slow.resume();
    await eventually('all is there', () => follower.views.get('west')?.records.size === 11);
    assert.deepEqual([...new Set(sizes)], [11], 'nothing between was shown');
  });

  it('a large set is written and read in pieces', async (t) => {
    const clusters = await clustersOf(t);
    const west = clusters.publisher('west');
    const records = Array.from({ length: 3000 }, (_, index) => testRecord(`service-${index}`));
    clusters.replace(west, 'west', records);
    const follower = await clusters.follower('east');
    await eventually('west is synced', () => follower.views.get('west')?.records.size === records.length);
    clusters.replace(west, 'west', records.map((record) => ({ ...record, changedAtMs: 2 })).slice(0, 2000));
    await eventually('all changes', () => {
      const found = [...(follower.views.get('west')?.records.values() ?? [])];
      return found.length === 2000 && found.every((record) => record.changedAtMs === 2);
    });
  });
});
