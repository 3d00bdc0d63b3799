import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { exportedService, FederationWorld } from '../test/fixtures/federation-world.ts';
import type { PortTarget } from './snapshot/listen-ports.ts';
import { readPorts } from './state/memory-file.ts';

const GHOST = 'shop/ghost:http';
const PAYMENTS = 'shop/payments:http';

type PortState = 'granted' | 'released' | 'unknown';

/** East, whose last leader granted ports for a service that has gone since, and west, which offers another. */
async function afterLeaderless(t: TestContext) {
  const world = await FederationWorld.create(t, ['east', 'west', 'south']);
  const path = world.folder('east', 'state', 'ports.json');
  await mkdir(world.folder('east', 'state'), { recursive: true });
  const ports = [
    { target: GHOST, port: 15_777 },
    { target: PAYMENTS, port: 15_778 },
  ];
  await writeFile(path, JSON.stringify({ ports }));
  await world.writeResource('west', 'payments.yaml', exportedService('payments', [{ address: '10.0.0.1' }]));
  const stateOf = async (target: PortTarget): Promise<PortState> => {
    const grant = (await readPorts(path)).find((found) => found.target === target);
    if (grant === undefined) return 'unknown';
    return grant.releasedAtMs === undefined ? 'granted' : 'released';
  };
  const until = async (target: PortTarget, state: PortState): Promise<void> => {
    while ((await stateOf(target)) !== state) await sleep(5);
  };
  return { world, stateOf, until };
}

describe('ports of services that went while no replica led', { timeout: 180_000 }, () => {
  it('are released by the next leader, once it has read everything', async (t) => {
    const { world, stateOf, until } = await afterLeaderless(t);
    await world.start('west');
    await world.start('east');
    await until(GHOST, 'released');
    assert.equal(await stateOf(PAYMENTS), 'granted');
  });

  it('are kept while a member has no word in the store, and released when it has', async (t) => {
    const { world, stateOf, until } = await afterLeaderless(t);
    world.store.addMember('south');
    await world.start('west');
    const east = await world.start('east');
    await world.writeResource('east', 'cart.yaml', exportedService('cart', [{ address: '10.1.0.1' }]));
    // It leads, and has built more than once with all that west offers.
    await until('shop/cart:http', 'granted');
    while (!east.service.state.peers.some(({ cluster, services }) => cluster === 'west' && services === 1)) {
      await sleep(5);
    }
    await world.writeResource('east', 'stock.yaml', exportedService('stock', [{ address: '10.1.0.2' }]));
    await until('shop/stock:http', 'granted');
    assert.deepEqual([await stateOf(GHOST), await stateOf(PAYMENTS)], ['granted', 'granted']);
    await world.start('south');
    await until(GHOST, 'released');
    assert.equal(await stateOf(PAYMENTS), 'granted');
  });
});
