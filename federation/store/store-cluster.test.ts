import { after, before, describe, it } from 'node:test';
import { RedisClusterGroup } from '../../test/fixtures/redis-groups.ts';
import { ADMIN, OPERATORS_ACL, redisWorld } from '../../test/fixtures/redis-world.ts';
import { missingTools } from '../../test/fixtures/requirement.ts';
import { newsGoOnThrough } from '../../test/fixtures/steady-news.ts';
import { CLUSTERSET, StoreClusters, StoreIdentities } from '../../test/fixtures/store-clusters.ts';
import { storeContract } from '../../test/fixtures/store-contract.ts';
import type { StoreWorld } from '../../test/fixtures/store-world.ts';
import { Lifetime } from '../runtime/lifetime.ts';
import { StoreKeys } from './redis/keys.ts';

describe('a Redis Cluster of three nodes', { skip: missingTools('redis-server') }, () => {
  const lifetime = new Lifetime();
  const { members } = new StoreKeys(CLUSTERSET);
  let world: StoreWorld;
  let group: RedisClusterGroup;
  before(async () => {
    const owner = { after: (close: () => void | Promise<void>) => lifetime.add(close) };
    group = await RedisClusterGroup.start(owner, { acl: OPERATORS_ACL, password: ADMIN.password });
    const location = { urls: group.urls, cluster: true };
    world = await redisWorld({ location, servers: group.nodes, keeper: () => group.nodeOf(members) });
  });
  after(() => lifetime.close());

  storeContract(() => world);

  it('goes on when the clusterset’s slot moves to another node', async (t) => {
    await world.hostile.wipe();
    const clusters = new StoreClusters(t, world, await StoreIdentities.create());
    await newsGoOnThrough(clusters, () => group.moveSlotOf(members));
  });
});
