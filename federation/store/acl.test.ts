import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Redis } from 'ioredis';
import { SentinelGroup } from '../../test/fixtures/redis-groups.ts';
import { RedisServer } from '../../test/fixtures/redis-server.ts';
import { ADMIN, OPERATORS_ACL, userOf } from '../../test/fixtures/redis-world.ts';
import { missingTools } from '../../test/fixtures/requirement.ts';
import { CLUSTERSET } from '../../test/fixtures/store-clusters.ts';
import { UserError } from '../model/user-error.ts';
import { Lifetime } from '../runtime/lifetime.ts';
import { createStoreUser, removeStoreUser, type StoreUserRequest, userRules } from './acl.ts';
import { withNode } from './redis/connection.ts';
import type { RedisLocation } from './redis/location.ts';

const PREFIX = `isthmus:{${CLUSTERSET}}:`;

describe('a cluster’s store user', { skip: missingTools('redis-server') }, () => {
  const lifetime = new Lifetime();
  let server: RedisServer;
  let west: Redis;
  before(async () => {
    const owner = { after: (close: () => void | Promise<void>) => lifetime.add(close) };
    server = await RedisServer.start(owner, { acl: OPERATORS_ACL, password: ADMIN.password });
    await createStoreUser(request({ urls: [server.url] }, 'west'));
    west = server.client(userOf('west'));
  });
  after(() => lifetime.close());

  const ALLOWED: readonly (readonly [string, ...string[]])[] = [
    ['set', `${PREFIX}west:head`, 'x'],
    ['hset', `${PREFIX}west:services`, 'shop/cart', 'x'],
    ['xadd', `${PREFIX}west:log`, '*', 'h', 'x'],
    ['sadd', `${PREFIX}members`, 'west'],
    ['get', `${PREFIX}east:head`],
    ['hgetall', `${PREFIX}east:services`],
    ['srandmember', `${PREFIX}members`, '10'],
    ['eval_ro', "return redis.call('GET', KEYS[1])", '1', `${PREFIX}east:head`],
  ];
  for (const [command, ...args] of ALLOWED) {
    it(`may ${command} ${args[0]}`, async () => {
      await west.call(command, ...args);
    });
  }

  const DENIED: readonly (readonly [string, ...string[]])[] = [
    ['set', `${PREFIX}east:head`, 'x'],
    ['hset', `${PREFIX}east:services`, 'shop/cart', 'x'],
    ['hdel', `${PREFIX}east:services`, 'shop/cart'],
    ['xadd', `${PREFIX}east:log`, '*', 'h', 'x'],
    ['del', `${PREFIX}east:fence`],
    ['set', `${PREFIX}westward:head`, 'x'],
    ['set', `${PREFIX}trust`, 'x'],
    ['set', 'isthmus:{other.example}:west:head', 'x'],
    ['get', 'isthmus:{other.example}:west:head'],
    ['get', 'anything'],
    ['srem', `${PREFIX}members`, 'east'],
    ['del', `${PREFIX}members`],
    ['sadd', `${PREFIX}west:head`, 'x'],
    ['rename', `${PREFIX}west:head`, `${PREFIX}east:head`],
    ['eval', "return redis.call('SET', KEYS[1], 'x')", '1', `${PREFIX}east:head`],
    ['flushall'],
    ['keys', '*'],
    ['config', 'get', '*'],
    ['acl', 'whoami'],
    ['client', 'list'],
    ['monitor'],
    ['debug', 'sleep', '0'],
  ];
  for (const [command, ...args] of DENIED) {
    it(`may not ${command} ${args[0] ?? ''}`, async () => {
      await assert.rejects(west.call(command, ...args), /NOPERM/);
    });
  }

  it('goes to the server as a hash, never as the password', async () => {
    const { password } = userOf('west');
    assert.ok(userRules(request({ urls: [] }, 'west')).every((rule) => !rule.includes(password)));
    assert.ok(!readFileSync(join(server.folder, 'users.acl'), 'utf8').includes(password));
  });

  it('is not made for what is no cluster’s name', () => {
    for (const cluster of ['', '*', 'we*st', 'west:x', 'West', 'a b']) {
      assert.throws(() => userRules(request({ urls: [] }, cluster)), UserError);
    }
  });
});

describe('keeping a store user', { skip: missingTools('redis-server'), concurrency: 4 }, () => {
  it('uses the ACL file, and the user outlives a restart', async (t) => {
    const server = await RedisServer.start(t, { acl: OPERATORS_ACL, password: ADMIN.password });
    assert.equal(await createStoreUser(request({ urls: [server.url] }, 'west')), 'aclfile');
    await assertOutlives(server);
  });

  it('uses the configuration file where there is no ACL file', async (t) => {
    const server = await RedisServer.start(t, { password: ADMIN.password });
    assert.equal(await createStoreUser(request({ urls: [server.url] }, 'west')), 'config');
    await assertOutlives(server);
  });

  it('says so where there is neither', async (t) => {
    const server = await RedisServer.start(t, { password: ADMIN.password, configFile: false });
    assert.equal(await createStoreUser(request({ urls: [server.url] }, 'west')), 'memory-only');
    await server.kill();
    await server.start();
    await assert.rejects(login(server, 'west'), /WRONGPASS/);
  });

  it('makes it on the master and on every replica', async (t) => {
    const group = await SentinelGroup.start(t, { acl: OPERATORS_ACL, password: ADMIN.password }, 1);
    const location = { urls: group.urls, sentinel: { name: group.name } };
    assert.equal(await createStoreUser(request(location, 'west')), 'aclfile');
    for (const server of group.servers) await login(server, 'west');
  });

  it('ends it, open connections included', async (t) => {
    const server = await RedisServer.start(t, { acl: OPERATORS_ACL, password: ADMIN.password });
    const location = { urls: [server.url] };
    await createStoreUser(request(location, 'west'));
    await createStoreUser(request(location, 'east'));
    const { username } = userOf('west');
    assert.equal(await removeStoreUser({ location, admin: ADMIN, username }), 'aclfile');
    await assert.rejects(login(server, 'west'), /WRONGPASS/);
    await login(server, 'east');
    assert.equal(await removeStoreUser({ location, admin: ADMIN, username }), 'aclfile');
  });

  it('names the server that refuses the administrator', async (t) => {
    const server = await RedisServer.start(t, { acl: OPERATORS_ACL, password: ADMIN.password });
    const wrong = { ...request({ urls: [server.url] }, 'west'), admin: { ...ADMIN, password: 'wrong one' } };
    await assert.rejects(createStoreUser(wrong), (failure) => {
      assert.ok(failure instanceof UserError);
      assert.match(
        failure.message,
        new RegExp(`127.0.0.1:${server.port} refuses the password of user default`),
      );
      assert.ok(!failure.message.includes('wrong one'));
      return true;
    });
  });
});

function request(location: RedisLocation, cluster: string): StoreUserRequest {
  return { location, admin: ADMIN, clusterset: CLUSTERSET, cluster, user: userOf(cluster) };
}

async function assertOutlives(server: RedisServer): Promise<void> {
  await server.kill();
  await server.start();
  await login(server, 'west');
}

/** @throws Redis's answer to a wrong user or password. */
async function login(server: RedisServer, cluster: string): Promise<void> {
  const location = { urls: [server.url], ...userOf(cluster) };
  await withNode(location, server, (node) => node.ping());
}
