import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { serveClustersetNames } from './coredns-corefile.ts';
import type { KubeCluster } from './kube-cluster.ts';
import { KubeRun } from './kube-run.ts';
import { steps } from './kube-suite.ts';
import { missingNodes } from './requirement.ts';
import { clientPod, importedWeb, WEB_NODE_PORT, webServer } from './web-manifests.ts';

const IMPORTED_IP = '10.193.0.80';
const NAME = 'web.default.svc.clusterset.local';

const SERVICE_IMPORT_CRD = join(
  import.meta.dirname,
  '../../charts/isthmus/crd-files/mcs-api/multicluster.x-k8s.io_serviceimports.yaml',
);

/** What Isthmus stands on, without Isthmus: if this fails, so does everything else, and here it shows why. */
describe('two real clusters', { skip: missingNodes() }, () => {
  let east: KubeCluster;
  let west: KubeCluster;

  const suite = steps(() => [east, west]);

  before(async () => {
    const run = await KubeRun.start(suite);
    [east, west] = await Promise.all([run.up('east', 1), run.up('west', 2)]);
    for (const cluster of [east, west]) await cluster.apply(`${webServer}---${clientPod}`);
    await Promise.all([east, west].map((cluster) => cluster.rolledOut('deployment/web')));
  });

  it('have pods that reach each other over node ports, in both directions', async () => {
    for (const [from, to] of [
      [east, west],
      [west, east],
    ] as const) {
      const url = `http://${to.nodeAddress}:${WEB_NODE_PORT}/`;
      const answer = await from.until(`an answer from ${to.name}`, () => get(from, url));
      assert.match(answer, new RegExp(`^hello from web-.* in ${to.name}\n$`));
    }
  });

  it('have DNS that knows the Services of their own', async () => {
    const answer = await east.until('an answer', () => get(east, 'http://web.default.svc.cluster.local/'));
    assert.match(answer, / in east\n$/);
  });

  it('answer clusterset names with the stanza that the chart ships', async () => {
    await east.kubectl(['apply', '-f', SERVICE_IMPORT_CRD]);
    await east.kubectl(['wait', '--for=condition=Established', 'crd/serviceimports.multicluster.x-k8s.io']);
    await serveClustersetNames(east);
    await east.apply(importedWeb(IMPORTED_IP, { host: west.nodeAddress, port: WEB_NODE_PORT }));
    const looked = await east.until('an address', () => east.inPod('client', 'nslookup', NAME));
    assert.match(looked, new RegExp(`Address.*${IMPORTED_IP.replaceAll('.', '\\.')}`));
    const answer = await east.until('an answer', () => get(east, `http://${NAME}/`));
    assert.match(answer, / in west\n$/);
  });

  it('come back from a power cut with what they had', async () => {
    await east.halt();
    await assert.rejects(east.kubectl(['get', 'nodes', '--request-timeout=2s']));
    await east.start();
    await east.rolledOut('deployment/web');
    const answer = await east.until('an answer', () => get(east, `http://${NAME}/`));
    assert.match(answer, / in west\n$/);
  });
});

/** What a pod of the cluster gets from there. Not by wget's own -T: Debian's busybox 1.35 crashes on it together with -q. */
async function get(cluster: KubeCluster, url: string): Promise<string> {
  return await cluster.inPod('client', 'timeout', '5', 'wget', '-q', '-O', '-', url);
}
