import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { tempFolder } from '../fixtures/temp-folder.ts';
import {
  inSync,
  installRelease,
  joinKubeconfigs,
  NAMESPACE,
  packImage,
  register,
} from './isthmus-release.ts';
import type { KubeCluster } from './kube-cluster.ts';
import { KubeRun } from './kube-run.ts';
import { steps } from './kube-suite.ts';
import { missingNodes } from './requirement.ts';

/** The real image and the real chart: two releases become members of one clusterset, by a token, and stay so. */
describe('two releases', { skip: missingNodes() }, () => {
  let east: KubeCluster;
  let west: KubeCluster;
  let kubeconfig: string;
  const suite = steps(() => [east, west]);

  before(async () => {
    const run = await KubeRun.start(suite);
    const image = packImage(tempFolder(suite));
    [east, west] = await Promise.all([run.up('east', 1), run.up('west', 2)]);
    kubeconfig = await joinKubeconfigs(tempFolder(suite), [east, west]);
    for (const cluster of [east, west]) await cluster.load(await image);
  });

  it('install with one value set, are ready, and wait for a clusterset', async () => {
    await Promise.all([installRelease(east, { store: true }), installRelease(west, { store: false })]);
    for (const cluster of [east, west]) {
      await cluster.explained(() => cluster.helm(['test', 'isthmus', '-n', NAMESPACE]));
    }
  });

  it('become members by one command, which done again finds all as it should be', async () => {
    assert.equal(await register(kubeconfig, west, east), true);
    assert.equal(await register(kubeconfig, west, east), false);
  });

  it('are members again after a power cut', async () => {
    await west.halt();
    await west.start();
    for (const program of ['federation', 'gateway']) {
      await west.rolledOut(`deployment/isthmus-${program}`, {}, '-n', NAMESPACE);
    }
    await west.until('east in sync', () => inSync(west, east));
    await east.until('west in sync', () => inSync(east, west));
  });
});
