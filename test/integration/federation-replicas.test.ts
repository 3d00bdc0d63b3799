import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import { SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import type { HealthReport } from '../../federation/wire/health-report.ts';
import { SnapshotEncoder } from '../../federation/wire/snapshot-encoder.ts';
import { FederationControl } from '../../gateway/control/federation-control.ts';
import { StateFolder } from '../../gateway/control/state-folder.ts';
import { printBundle } from '../../trust/bundle.ts';
import { freePort } from '../fixtures/ephemeral-port.ts';
import { exportedService, FederationWorld, type RunningFederation } from '../fixtures/federation-world.ts';

const PAYMENTS = 'shop/payments';
const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 6000; tries++) {
    if (holds()) return;
    await sleep(5);
  }
  assert.fail(`never: ${what}`);
}

function healthyIn({ services }: RoutingSnapshot): number | undefined {
  const offer = services.get(PAYMENTS)?.offers.find(({ cluster }) => cluster === 'east');
  return offer?.localities.reduce((sum, { healthy }) => sum + healthy, 0);
}

function finds(state: 'healthy' | 'unhealthy', up: boolean): HealthReport {
  return {
    trunks: [{ cluster: 'west', up, sinceMs: 1, rttSeconds: 0.001 }],
    endpoints: [{ service: PAYMENTS, address: '10.0.0.1:8080', state }],
  };
}

/** Two replicas of east's federation service on one store, of which the first leads. */
async function replicas(t: TestContext) {
  const world = await FederationWorld.create(t, ['east', 'west']);
  await world.writeResource('east', 'payments.yaml', exportedService('payments', [{ address: '10.0.0.1' }]));
  await writeFile(world.folder('east', 'bundle.json'), printBundle(world.trust.bundle));
  const leader = await world.start('east');
  await until('the first leads', () => leader.service.state.store.publisher.kind === 'leading');
  const standby = await world.start('east', {
    stateFolder: world.folder('east', 'state-2'),
    // It may be started again there.
    listen: { host: '127.0.0.1', port: await freePort() },
  });
  return { world, leader, standby };
}

/** The gateway's own side, of one that follows the last of these replicas and knows them all. */
async function gatewayOf(t: TestContext, world: FederationWorld, ...known: readonly RunningFederation[]) {
  const { config } = known[0] ?? assert.fail();
  const addresses = known.map(({ service }) => service.addresses.gateways);
  const address = addresses.at(-1) ?? assert.fail();
  const control = new FederationControl({
    config: {
      kind: 'federation',
      address,
      issuerAddress: address,
      replicas: addresses,
      secretFile: config.gatewaySecretFile,
      proof: 'secret',
      bundleFile: world.folder('east', 'bundle.json'),
    },
    local: config.local,
    folder: await StateFolder.open(world.folder('east', 'gateway'), config.local, () => 'pod-1', '1.2.3'),
    encoder: new SnapshotEncoder(),
    clock: SYSTEM_CLOCK,
    random: Math.random,
    log: SILENT,
    softwareVersion: '1.2.3',
    onFatal: (error) => assert.fail(error.message),
  });
  t.after(() => control.close());
  await control.start(() => Promise.resolve());
  return control;
}

function followsOf({ service }: RunningFederation): readonly string[] {
  return service.state.gateways.map(({ gateway, follows }) => `${gateway} ${follows}`);
}

describe('two replicas of a federation service', { timeout: 120_000 }, () => {
  it('both know what a gateway finds that follows one of them; the leader speaks of it', async (t) => {
    const { world, leader, standby } = await replicas(t);
    const west = await world.start('west');
    const peer = (await world.follow(west)).hello('west-gw');
    await peer.until((snapshot) => healthyIn(snapshot) === 1);
    const control = await gatewayOf(t, world, leader, standby);
    control.report(finds('unhealthy', true));
    await peer.until((snapshot) => healthyIn(snapshot) === 0);
    await until(
      'both say who follows whom',
      () => followsOf(leader).length + followsOf(standby).length === 2,
    );
    assert.deepEqual(followsOf(leader), ['pod-1 another-replica']);
    assert.deepEqual(followsOf(standby), ['pod-1 this-replica'], 'a gateway that does both counts once');
    control.report(finds('healthy', true));
    await peer.until((snapshot) => healthyIn(snapshot) === 1);
    const health = (): string | undefined =>
      leader.service.state.peers.find(({ cluster }) => cluster === 'west')?.health.kind;
    control.report({ ...finds('healthy', false) });
    await until('the leader hears of a trunk that is lost', () => health() === 'failing');
    await control.close();
    await until(
      'who is gone is not told of',
      () => followsOf(leader).length + followsOf(standby).length === 0,
    );
  });

  it('a replica that starts again hears of it without being asked', async (t) => {
    const { world, leader, standby } = await replicas(t);
    const control = await gatewayOf(t, world, standby, leader);
    control.report(finds('healthy', true));
    await until('the standby hears', () => followsOf(standby).includes('pod-1 another-replica'));
    const { port } = standby.service.addresses.gateways;
    await standby.close();
    const again = await world.start('east', {
      stateFolder: world.folder('east', 'state-2'),
      listen: { host: '127.0.0.1', port },
    });
    await until('it hears again', () => followsOf(again).includes('pod-1 another-replica'));
  });
});
