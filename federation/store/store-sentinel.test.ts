import { after, before, describe, it } from 'node:test';
import { SentinelGroup } from '../../test/fixtures/redis-groups.ts';
import { ADMIN, OPERATORS_ACL, redisWorld } from '../../test/fixtures/redis-world.ts';
import { missingTools } from '../../test/fixtures/requirement.ts';
import { newsGoOnThrough } from '../../test/fixtures/steady-news.ts';
import { StoreClusters, StoreIdentities } from '../../test/fixtures/store-clusters.ts';
import { storeContract } from '../../test/fixtures/store-contract.ts';
import type { StoreWorld } from '../../test/fixtures/store-world.ts';
import { Lifetime } from '../runtime/lifetime.ts';

describe('Redis behind sentinels', { skip: missingTools('redis-server') }, () => {
  const lifetime = new Lifetime();
  let world: StoreWorld;
  let group: SentinelGroup;
  before(async () => {
    const owner = { after: (close: () => void | Promise<void>) => lifetime.add(close) };
    group = await SentinelGroup.start(owner, { acl: OPERATORS_ACL, password: ADMIN.password });
    const location = { urls: group.urls, sentinel: { name: group.name } };
    world = await redisWorld({ location, servers: group.servers, keeper: () => group.master() });
  });
  after(() => lifetime.close());

  storeContract(() => world);

  it('goes on when the master is killed and the replica takes its place', async (t) => {
    await world.hostile.wipe();
    const clusters = new StoreClusters(t, world, await StoreIdentities.create());
    await newsGoOnThrough(clusters, () => group.failOver());
  });
});
