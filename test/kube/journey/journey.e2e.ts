import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { z } from 'zod';
import { tempFolder } from '../../fixtures/temp-folder.ts';
import { serveClustersetNames } from '../coredns-corefile.ts';
import {
  installRelease,
  isthmusIn,
  joinKubeconfigs,
  NAMESPACE,
  packImage,
  register,
} from '../isthmus-release.ts';
import type { KubeCluster } from '../kube-cluster.ts';
import { KubeRun } from '../kube-run.ts';
import { steps } from '../kube-suite.ts';
import { missingNodes } from '../requirement.ts';
import { clientPod, webExport, webServer } from '../web-manifests.ts';

const URL = 'http://web.default.svc.clusterset.local/';
const importAddresses = z.object({ spec: z.object({ ips: z.array(z.string()).min(1) }) });
const itemList = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) });

/** From nothing to a request that crosses clusters, and back to nothing: each step as the documentation says it. */
describe('the journey', { skip: missingNodes() }, () => {
  let east: KubeCluster;
  let west: KubeCluster;
  let kubeconfig: string;
  const suite = steps(() => [east, west]);

  before(async () => {
    const run = await KubeRun.start(suite);
    const image = packImage(tempFolder(suite));
    [east, west] = await Promise.all([run.up('east', 1), run.up('west', 2)]);
    kubeconfig = await joinKubeconfigs(tempFolder(suite), [east, west]);
    for (const cluster of [east, west]) {
      await cluster.apply(`${webServer}---${clientPod}`);
      await cluster.load(await image);
    }
  });

  it('installs with one value set, and waits for a clusterset', async () => {
    await Promise.all([installRelease(east, { store: true }), installRelease(west, { store: false })]);
    for (const cluster of [east, west]) {
      await cluster.explained(() => cluster.helm(['test', 'isthmus', '-n', NAMESPACE]));
    }
  });

  it('joins two clusters', async () => {
    assert.equal(await register(kubeconfig, west, east), true);
  });

  it('imports in one cluster what the other exports', async () => {
    await west.apply(webExport);
    await east.until('a ServiceImport with an address', async () =>
      importAddresses.parse(await east.get('serviceimport', 'web')),
    );
  });

  it('answers a pod that calls the name of the clusterset', async () => {
    await serveClustersetNames(east);
    assert.match(await east.until('an answer', () => wget(east)), / in west\n$/);
  });

  it('answers from the own cluster while it has the service, and from the other when it has not', async () => {
    await east.apply(webExport);
    await east.until('an answer from here', () => answerFrom('east'));
    await east.kubectl(['scale', 'deployment/web', '--replicas=0']);
    await east.until('an answer from there', () => answerFrom('west'));
    await east.kubectl(['scale', 'deployment/web', '--replicas=2']);
    await east.until('an answer from here again', () => answerFrom('east'));
  });

  it('goes on without the other cluster, and with it when its power is back', async () => {
    await west.halt();
    await east.until('an answer from here', () => answerFrom('east'));
    await west.start();
    await west.rolledOut('deployment/web');
    await east.kubectl(['scale', 'deployment/web', '--replicas=0']);
    await east.until('an answer from there', () => answerFrom('west'));
  });

  it('leaves, and is uninstalled, without a trace', async () => {
    await isthmusIn(west, ['cluster', 'leave', '--yes']);
    await west.explained(() => west.helm(['uninstall', 'isthmus', '-n', NAMESPACE, '--wait']));
    const ours = ['services,endpointslices', '-A', '-l', 'app.kubernetes.io/managed-by=isthmus'];
    assert.deepEqual(itemList.parse(await west.get(...ours)).items, []);
    assert.deepEqual(itemList.parse(await west.get('serviceimports', '-A')).items, []);
  });

  async function answerFrom(cluster: string): Promise<string | undefined> {
    const answer = await wget(east);
    return answer.endsWith(` in ${cluster}\n`) ? answer : undefined;
  }
});

/** Not by wget's own -T: Debian's busybox 1.35 crashes on it together with -q. */
async function wget(cluster: KubeCluster): Promise<string> {
  return await cluster.inPod('client', 'timeout', '5', 'wget', '-q', '-O', '-', URL);
}
