import { after, before, describe } from 'node:test';
import { RedisServer } from '../../test/fixtures/redis-server.ts';
import { ADMIN, OPERATORS_ACL, redisWorld } from '../../test/fixtures/redis-world.ts';
import { missingTools } from '../../test/fixtures/requirement.ts';
import { serverCertificate } from '../../test/fixtures/server-certificate.ts';
import { storeContract } from '../../test/fixtures/store-contract.ts';
import type { StoreWorld } from '../../test/fixtures/store-world.ts';
import { Lifetime } from '../runtime/lifetime.ts';

describe('Redis with TLS and a user per cluster', { skip: missingTools('redis-server') }, () => {
  const lifetime = new Lifetime();
  let world: StoreWorld;
  before(async () => {
    const tls = await serverCertificate();
    const owner = { after: (close: () => void | Promise<void>) => lifetime.add(close) };
    const server = await RedisServer.start(owner, { tls, acl: OPERATORS_ACL, password: ADMIN.password });
    const location = { urls: [server.url], caPem: tls.caPem };
    world = await redisWorld({ location, servers: [server], keeper: async () => server });
  });
  after(() => lifetime.close());
  storeContract(() => world);
});
