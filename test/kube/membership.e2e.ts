import { before, describe, it } from 'node:test';
import { z } from 'zod';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { installRelease, isthmusIn, NAMESPACE, packImage, tryoutStore } from './isthmus-release.ts';
import type { KubeCluster } from './kube-cluster.ts';
import { KubeRun } from './kube-run.ts';
import { steps } from './kube-suite.ts';
import { missingNodes } from './requirement.ts';

const memberList = z.object({ members: z.array(z.object({ cluster: z.string(), reach: z.string() })) });

/** The real image and the real chart: two releases become members of one clusterset, by a token, and stay so. */
describe('two releases', { skip: missingNodes() }, () => {
  let east: KubeCluster;
  let west: KubeCluster;
  const suite = steps(() => [east, west]);

  before(async () => {
    const run = await KubeRun.start(suite);
    const image = packImage(tempFolder(suite));
    [east, west] = await Promise.all([run.up('east', 1), run.up('west', 2)]);
    for (const cluster of [east, west]) await cluster.load(await image);
  });

  it('install with one value set, are ready, and wait for a clusterset', async () => {
    await Promise.all([installRelease(east, { store: true }), installRelease(west, { store: false })]);
    for (const cluster of [east, west]) {
      await cluster.explained(() => cluster.helm(['test', 'isthmus', '-n', NAMESPACE]));
    }
  });

  it('join by a token that one prints and the other is handed on stdin', async () => {
    const store = await tryoutStore(east);
    await isthmusIn(east, ['cluster', 'init', 'east', '--clusterset', 'mesh.example', ...store]);
    const token = await east.until('an invitation', () => isthmusIn(east, ['cluster', 'invite', 'west']));
    await isthmusIn(west, ['cluster', 'join', '-', '--cluster', 'west'], { input: token });
    await east.until('west in sync', () => synced(east, 'west'));
    await west.until('east in sync', () => synced(west, 'east'));
  });

  it('are members again after a power cut', async () => {
    await west.halt();
    await west.start();
    for (const program of ['federation', 'gateway']) {
      await west.rolledOut(`deployment/isthmus-${program}`, {}, '-n', NAMESPACE);
    }
    await west.until('east in sync', () => synced(west, 'east'));
    await east.until('west in sync', () => synced(east, 'west'));
  });
});

async function synced(cluster: KubeCluster, peer: string): Promise<true | undefined> {
  const { members } = memberList.parse(
    JSON.parse(await isthmusIn(cluster, ['cluster', 'list', '--output', 'json'])),
  );
  return members.some(({ cluster, reach }) => cluster === peer && reach === 'synced') ? true : undefined;
}
