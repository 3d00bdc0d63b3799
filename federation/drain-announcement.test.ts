import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { exportedService, FederationWorld } from '../test/fixtures/federation-world.ts';
import { drainPercent } from './failover/drain.ts';
import type { Drain } from './model/drain.ts';
import type { RoutingSnapshot } from './model/snapshot.ts';

const SINCE_MS = Date.parse('2026-01-31T12:00:00Z');
const DRAIN = { kind: 'draining', sinceMs: SINCE_MS, overMs: 300_000, fromPercent: 100 } as const;

function peer(name: string, spec: string): string {
  return `apiVersion: isthmus.io/v1alpha1\nkind: ClusterPeer\nmetadata: { name: ${name} }\nspec: ${spec}\n`;
}

const ORDER = '{ drain: { duration: 5m, since: "2026-01-31T12:00:00Z" } }';
const hosts = (services: RoutingSnapshot['services']) =>
  services.get('shop/payments')?.offers[0]?.localities[0]?.hosts;
const west = ({ peers }: RoutingSnapshot) => peers.get('west');

describe('a drain that a cluster orders for itself', { timeout: 180_000 }, () => {
  it('is told to its own gateways and to those of all peers, and never missing over its restart', async (t) => {
    const world = await FederationWorld.create(t, ['east', 'west']);
    await world.writeResource(
      'west',
      'payments.yaml',
      exportedService('payments', [{ address: '10.0.0.1' }]),
    );
    await world.writeResource('west', 'west.yaml', peer('west', ORDER));
    const first = await world.start('west');
    const gateway = (await world.follow(await world.start('east'))).hello();
    await gateway.until((found) => west(found)?.announcedDrain !== undefined);
    assert.deepEqual(west(gateway.snapshot)?.announcedDrain, DRAIN);
    assert.equal(west(gateway.snapshot)?.drain, undefined);
    const own = (await world.follow(first)).hello();
    await own.until(({ drain }) => drain !== undefined);
    assert.deepEqual(own.snapshot.drain, DRAIN);

    const told = gateway.messages.length;
    await first.close();
    const second = await world.start('west');
    await world.writeResource(
      'west',
      'payments.yaml',
      exportedService('payments', [{ address: '10.0.0.1' }, { address: '10.0.0.2' }]),
    );
    await gateway.until(({ services }) => hosts(services) === 2);
    for (const { snapshot } of gateway.messages.slice(told)) {
      assert.deepEqual(west(snapshot)?.announcedDrain, DRAIN);
    }

    await world.removeResource('west', 'west.yaml');
    await gateway.until((found) => west(found)?.announcedDrain?.kind === 'returning');
    const back: Drain | undefined = west(gateway.snapshot)?.announcedDrain;
    assert.equal(back?.fromPercent, 0);
    const again = (await world.follow(second)).hello();
    await again.until(({ drain }) => drain !== undefined);
    assert.deepEqual(again.snapshot.drain, back, 'one time for all');
  });

  it('comes back in steps also where the disk of the federation service was lost on the way', async (t) => {
    const world = await FederationWorld.create(t, ['east', 'west']);
    const payments = (...addresses: string[]) =>
      exportedService(
        'payments',
        addresses.map((address) => ({ address })),
      );
    await world.writeResource('west', 'payments.yaml', payments('10.0.0.1'));
    await world.writeResource('west', 'west.yaml', peer('west', ORDER));
    const first = await world.start('west');
    const gateway = (await world.follow(await world.start('east'))).hello();
    await gateway.until((found) => west(found)?.announcedDrain !== undefined);
    await world.removeResource('west', 'west.yaml');
    await gateway.until((found) => west(found)?.announcedDrain?.kind === 'returning');
    const back = west(gateway.snapshot)?.announcedDrain;
    const told = gateway.messages.length;
    await first.close();
    await rm(world.folder('west', 'state'), { recursive: true });
    await world.writeResource('west', 'payments.yaml', payments('10.0.0.1', '10.0.0.2'));
    const second = await world.start('west');
    await gateway.until(({ services }) => hosts(services) === 2);
    for (const { snapshot } of gateway.messages.slice(told)) {
      assert.deepEqual(west(snapshot)?.announcedDrain, back);
    }
    const own = (await world.follow(second)).hello();
    await own.until(({ drain }) => drain !== undefined);
    assert.deepEqual(own.snapshot.drain, back, 'one time for all');
  });

  it('is done for a federation service without memory, where it does not say since when', async (t) => {
    const world = await FederationWorld.create(t, ['west']);
    await world.writeResource('west', 'west.yaml', peer('west', '{ drain: { duration: 24h } }'));
    const own = (await world.follow(await world.start('west'))).hello();
    await own.until(({ drain }) => drain !== undefined);
    assert.equal(drainPercent(own.snapshot.drain, own.snapshot.drain?.sinceMs ?? 0), 0);
  });

  it('says nothing of other clusters, nor theirs of it to others', async (t) => {
    const world = await FederationWorld.create(t, ['east', 'west', 'north']);
    await world.writeResource(
      'west',
      'payments.yaml',
      exportedService('payments', [{ address: '10.0.0.1' }]),
    );
    await world.writeResource('east', 'west.yaml', peer('west', ORDER));
    await world.start('west');
    const east = (await world.follow(await world.start('east'))).hello();
    const north = (await world.follow(await world.start('north'))).hello();
    await east.until((found) => west(found)?.drain !== undefined);
    assert.deepEqual(west(east.snapshot)?.drain, DRAIN);
    assert.equal(west(east.snapshot)?.announcedDrain, undefined);
    assert.equal(east.snapshot.drain, undefined);
    await north.until(({ services, peers }) => services.has('shop/payments') && peers.has('east'));
    assert.ok(
      [...north.snapshot.peers.values()].every((each) => !('drain' in each || 'announcedDrain' in each)),
    );
  });
});
