import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { clusterTrustDomain, gatewayId } from '../../federation/model/identity.ts';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { Watchable } from '../../federation/runtime/watchable.ts';
import { TestClusterset } from '../../test/fixtures/test-clusterset.ts';
import { ReplicaReports } from './replica-reports.ts';

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const LOOK_MS = 5_000;

it('a replica that is alone is not told twice; from the second one on all are', async (t) => {
  const clusterset = await TestClusterset.create(['east'], { name: 'mesh.example' });
  const clock = new ManualClock();
  let addresses = ['10.0.0.1'];
  const dialled: string[] = [];
  const reports = new ReplicaReports({
    replicas: [{ host: 'all.example', port: 15_010 }],
    resolve: async () => addresses,
    dial: ({ host }) => {
      dialled.push(host);
      return Promise.reject(new Error('nobody is there'));
    },
    gateway: 'pod-1',
    softwareVersion: '1.2.3',
    startedAtMs: 0,
    svid: new Watchable(await clusterset.svid('east', gatewayId(clusterTrustDomain('east', 'mesh.example')))),
    clock,
    random: () => 0.5,
    log: SILENT,
  });
  t.after(() => reports.close());
  const look = async (): Promise<void> => {
    clock.advance(LOOK_MS);
    for (let turn = 0; turn < 10; turn++) await setImmediate();
  };
  await look();
  assert.deepEqual(dialled, []);
  addresses = ['10.0.0.1', '10.0.0.2'];
  await look();
  assert.deepEqual(dialled, addresses);
  addresses = ['10.0.0.2'];
  await look();
  dialled.length = 0;
  await look();
  await look();
  assert.deepEqual(dialled, []);
});

it('asks a name server that says nothing once, and closes without its answer', async () => {
  const clock = new ManualClock();
  let asked = 0;
  const reports = new ReplicaReports({
    replicas: [{ host: 'all.example', port: 15_010 }],
    resolve: () => {
      asked++;
      return new Promise(() => {});
    },
    dial: () => Promise.reject(new Error('nobody is there')),
    gateway: 'pod-1',
    softwareVersion: '1.2.3',
    startedAtMs: 0,
    svid: new Watchable(undefined),
    clock,
    random: () => 0.5,
    log: SILENT,
  });
  for (let look = 0; look < 20; look++) {
    clock.advance(LOOK_MS);
    await setImmediate();
  }
  assert.equal(asked, 1);
  await reports.close();
});
