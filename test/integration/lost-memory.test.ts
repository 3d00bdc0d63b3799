import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import { SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { openStore } from '../../federation/store/open.ts';
import { exportedService, FederationWorld } from '../fixtures/federation-world.ts';
import { RedisServer } from '../fixtures/redis-server.ts';
import { missingTools } from '../fixtures/requirement.ts';

const PAYMENTS = 'shop/payments';
const CART = 'shop/cart';
const PROBE = { everyMs: 100, answerMs: 1000 };

function hasWest({ services }: RoutingSnapshot): boolean {
  return services.get(PAYMENTS)?.offers.some(({ cluster }) => cluster === 'west') === true;
}

/** East and west on a real Redis; a gateway of east has a snapshot with what west offers. */
async function scene(t: TestContext) {
  const server = await RedisServer.start(t);
  const location = { kind: 'redis', urls: [server.url] } as const;
  const options = { clusterset: 'mesh.example', clock: SYSTEM_CLOCK, random: Math.random, probe: PROBE };
  const world = await FederationWorld.create(t, ['east', 'west'], () => openStore(location, options));
  await world.writeResource('west', 'payments.yaml', exportedService('payments', [{ address: '10.0.0.1' }]));
  await world.start('west');
  const east = await world.start('east');
  const gateway = (await world.follow(east)).hello();
  await gateway.until(hasWest);
  await east.close();
  await rm(world.folder('east', 'state'), { recursive: true });
  return { server, world, has: gateway.snapshot };
}

async function flush(server: RedisServer): Promise<void> {
  const redis = new Redis(server.port, server.host);
  await redis.flushall();
  redis.disconnect();
}

describe('a federation service that lost its disk', {
  skip: missingTools('redis-server'),
  timeout: 120_000,
}, () => {
  it('takes no route from a gateway when the store was wiped too, and the others are there', async (t) => {
    const { server, world, has } = await scene(t);
    await flush(server);
    const again = await world.start('east');
    const gateway = (await world.follow(again, { has })).hello();
    await gateway.until((snapshot) => snapshot.epoch > has.epoch && hasWest(snapshot));
    assert.deepEqual(
      gateway.messages.map(({ snapshot }) => hasWest(snapshot)),
      gateway.messages.map(() => true),
    );
    await world.writeResource('east', 'cart.yaml', exportedService('cart', [{ address: '10.0.0.2' }]));
    await gateway.until(({ services }) => services.has(CART));
    await world.removeResource('west', 'payments.yaml');
    await gateway.until((snapshot) => !hasWest(snapshot));
  });

  it('takes none while the store is away, and serves a gateway that has nothing what it knows', async (t) => {
    const { server, world, has } = await scene(t);
    await server.kill();
    await world.writeResource('east', 'cart.yaml', exportedService('cart', [{ address: '10.0.0.2' }]));
    const again = await world.start('east');
    const fresh = (await world.follow(again)).hello('fresh');
    await fresh.until(({ services }) => services.has(CART));
    const gateway = (await world.follow(again, { has })).hello();
    const says = (problem: RegExp): boolean => {
      const { readiness } = again.service.state;
      return readiness.kind === 'degraded' && readiness.problems.some((text) => problem.test(text));
    };
    while (!says(/gateways keep .* until the others are heard/)) await sleep(20);
    await sleep(1000);
    assert.equal(gateway.messages.length, 0);
    await server.start();
    const { snapshot } = await gateway.until(({ epoch }) => epoch > has.epoch);
    assert.ok(hasWest(snapshot) && snapshot.services.has(CART));
  });
});
