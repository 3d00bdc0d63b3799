import { after, before, describe } from 'node:test';
import { RedisClusterGroup } from '../../test/fixtures/redis-groups.ts';
import { ADMIN, OPERATORS_ACL, redisWorld } from '../../test/fixtures/redis-world.ts';
import { missingTools } from '../../test/fixtures/requirement.ts';
import { CLUSTERSET } from '../../test/fixtures/store-clusters.ts';
import { storeContract } from '../../test/fixtures/store-contract.ts';
import type { StoreWorld } from '../../test/fixtures/store-world.ts';
import { Lifetime } from '../runtime/lifetime.ts';
import { StoreKeys } from './redis/keys.ts';

describe('a Redis Cluster of three nodes', { skip: missingTools('redis-server') }, () => {
  const lifetime = new Lifetime();
  let world: StoreWorld;
  let group: RedisClusterGroup;
  before(async () => {
    const owner = { after: (close: () => void | Promise<void>) => lifetime.add(close) };
    group = await RedisClusterGroup.start(owner, { acl: OPERATORS_ACL, password: ADMIN.password });
    const location = { urls: group.urls, cluster: true };
    const { members } = new StoreKeys(CLUSTERSET);
    world = await redisWorld({ location, servers: group.nodes, keeper: () => group.nodeOf(members) });
  });
  after(() => lifetime.close());
  storeContract(() => world);
});
