import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClustersetView } from '../clusters/kubernetes/mcs/clusterset-view.ts';
import { exportedService, FederationWorld } from '../test/fixtures/federation-world.ts';

const KEY = 'shop/payments';
/** What is waited for and never comes fails the suite: of all its tests together, also on a machine that is busy. */
const PATIENCE = { timeout: 180_000 };

const HEADLESS = exportedService('payments', [{ address: '10.0.0.1' }, { address: '10.0.0.2', ready: false }])
  .replace('spec: { ports:', 'spec: { clusterIP: None, ports:')
  .replace('{ addresses: [10.0.0.1],', '{ addresses: [10.0.0.1], hostname: payments-0,');

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(5);
}

describe('what a cluster’s API is told of the clusterset', PATIENCE, () => {
  it('has the pods of headless services in clusters of the same network, and no others', async (t) => {
    const world = await FederationWorld.create(t, ['east', 'west', 'north']);
    await world.writeResource('west', 'payments.yaml', HEADLESS);
    const views = new Map<string, ClustersetView>();
    for (const [cluster, network] of [
      ['west', 'lan'],
      ['east', 'lan'],
      ['north', 'other'],
    ] as const) {
      await world.start(cluster, { network }, (view) => {
        views.set(cluster, view);
        return { close: async () => undefined };
      });
    }
    const known = (cluster: string) => views.get(cluster)?.serviceOf(KEY);
    await until(
      () => known('east') !== undefined && known('north') !== undefined && known('west') !== undefined,
    );
    const hosts = [
      { address: '10.0.0.1', hostname: 'payments-0', ready: true },
      { address: '10.0.0.2', ready: false },
    ];
    const addresses = [['west', [{ ports: { http: 8080 }, hosts }]]];
    assert.deepEqual([...(known('east')?.addresses ?? [])], addresses);
    assert.deepEqual([...(known('west')?.addresses ?? [])], addresses, 'its own too');
    assert.equal(known('north')?.addresses.size, 0);
    assert.equal(known('north')?.type, 'Headless');
    await world.writeResource('west', 'payments.yaml', HEADLESS.replace('10.0.0.1]', '10.0.0.9]'));
    await until(() => known('east')?.addresses.get('west')?.[0]?.hosts[0]?.address === '10.0.0.9');
  });

  it('keeps what a cluster that falls silent exports, its part in a conflict too', async (t) => {
    const world = await FederationWorld.create(t, ['east', 'west']);
    const older = { created: '2026-01-01T00:00:00Z' };
    const younger = { created: '2026-02-01T00:00:00Z', port: 81 };
    await world.writeResource('east', 'payments.yaml', exportedService('payments', [], younger));
    await world.writeResource('west', 'payments.yaml', exportedService('payments', [], older));
    await world.writeResource('west', 'alone.yaml', exportedService('alone', [{ address: '10.0.0.1' }]));
    let view: ClustersetView | undefined;
    const west = await world.start('west');
    const east = await world.start('east', {}, (given) => {
      view = given;
      return { close: async () => undefined };
    });
    const clusters = (key: string) => view?.serviceOf(key)?.offers.map(({ cluster }) => cluster);
    await until(() => clusters(KEY)?.length === 2 && clusters('shop/alone') !== undefined);
    await until(
      () => view?.serviceOf(KEY)?.ports.every(({ listenPort }) => listenPort !== undefined) === true,
    );
    const [service, disputes] = [view?.serviceOf(KEY), view?.disputesOf(KEY)];
    assert.deepEqual(
      disputes?.map(({ cluster, winner }) => [cluster, winner]),
      [['east', 'west']],
    );
    await west.close();
    const reach = () => east.service.state.peers.find(({ cluster }) => cluster === 'west')?.reach;
    await until(() => reach() === 'unreachable');
    // News are looked at once a second.
    await sleep(1500);
    assert.equal(view?.serviceOf(KEY), service);
    assert.deepEqual(view?.disputesOf(KEY), disputes);
    assert.deepEqual(clusters('shop/alone'), ['west']);
    assert.equal(view?.isGone('shop/alone', ['west']), false);
  });

  it('has what an export says of the whole service, and whose export lost', async (t) => {
    const world = await FederationWorld.create(t, ['east', 'west']);
    const sticky = (text: string): string =>
      text.replace('spec: { ports:', 'spec: { sessionAffinity: ClientIP, ports:');
    const older = { created: '2026-01-01T00:00:00Z' };
    const younger = { created: '2026-02-01T00:00:00Z' };
    const spec = 'spec: { exportedLabels: { team: shop } }\n';
    await world.writeResource('east', 'payments.yaml', sticky(exportedService('payments', [], older)) + spec);
    await world.writeResource('west', 'payments.yaml', exportedService('payments', [], younger));
    const views = new Map<string, ClustersetView>();
    for (const cluster of ['east', 'west']) {
      await world.start(cluster, {}, (view) => {
        views.set(cluster, view);
        return { close: async () => undefined };
      });
    }
    for (const cluster of ['east', 'west']) {
      const view = views.get(cluster);
      await until(() => view?.serviceOf(KEY)?.offers.length === 2);
      assert.deepEqual(view?.serviceOf(KEY)?.traits, {
        sessionAffinity: { timeoutSeconds: 10_800 },
        labels: { team: 'shop' },
      });
      assert.deepEqual(
        view?.disputesOf(KEY).map((dispute) => [dispute.cluster, dispute.winner, dispute.reason]),
        [
          ['west', 'east', 'SessionAffinityConflict'],
          ['west', 'east', 'LabelsConflict'],
        ],
      );
    }
  });
});
