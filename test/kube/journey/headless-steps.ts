import assert from 'node:assert/strict';
import { it } from 'node:test';
import { z } from 'zod';
import type { KubeCluster } from '../kube-cluster.ts';
import { namedPods } from '../web-manifests.ts';
import { wget } from './calls.ts';
import type { JourneyScene } from './scene.ts';

/** As which both charts know the pods' network; it is one only during these steps. */
export const NETWORK = 'lan';
const NAME = 'nodes.default.svc.clusterset.local';

const pods = z.object({
  items: z.array(
    z.object({ metadata: z.object({ name: z.string() }), status: z.object({ podIP: z.string() }) }),
  ),
});

/** Pods of a headless service, found by DNS and called without a gateway, while the clusters' network is flat. */
export function headlessSteps(scene: JourneyScene): void {
  it('names the pods of a headless service of the other cluster, all of them and each', async () => {
    const { east, west } = scene;
    await west.apply(namedPods);
    await west.rolledOut('statefulset/nodes');
    const addresses = await podAddresses(west);
    await named(east, NAME, [...addresses.values()]);
    for (const [pod, address] of addresses) await named(east, `${pod}.west.${NAME}`, [address]);
  });

  it('lets pods call those of the other cluster by their names, without a gateway', async () => {
    const { east, west } = scene;
    await assert.rejects(wget(east, `http://nodes-0.west.${NAME}:8080/`), 'nothing but a route leads there');
    await Promise.all([east.addPodRoute(west), west.addPodRoute(east)]);
    for (const pod of ['nodes-0', 'nodes-1']) {
      const answer = await east.until('an answer', () => wget(east, `http://${pod}.west.${NAME}:8080/`));
      assert.equal(answer, `hello from ${pod} in west\n`);
    }
    assert.match(await wget(east, `http://${NAME}:8080/`), /^hello from nodes-[01] in west\n$/);
  });

  it('forgets a pod that goes, and all of them with the export', async () => {
    const { east, west } = scene;
    await west.kubectl(['scale', 'statefulset/nodes', '--replicas=1']);
    await named(east, `nodes-1.west.${NAME}`, []);
    const left = await podAddresses(west);
    await named(east, NAME, [...left.values()]);
    await west.kubectl(['delete', 'serviceexport/nodes', 'service/nodes', 'statefulset/nodes']);
    await east.kubectl(['wait', '--for=delete', 'serviceimport/nodes', '--timeout=60s']);
    await named(east, NAME, []);
    await Promise.all([east.removePodRoute(west), west.removePodRoute(east)]);
  });
}

async function podAddresses(cluster: KubeCluster): Promise<ReadonlyMap<string, string>> {
  const { items } = pods.parse(await cluster.get('pods', '-l', 'app=nodes'));
  return new Map(items.map(({ metadata, status }) => [metadata.name, status.podIP]));
}

/** Waits until DNS says these addresses, and no others. */
async function named(caller: KubeCluster, name: string, addresses: readonly string[]): Promise<void> {
  const wanted = [...addresses].sort().join();
  await caller.until(`${name} is ${wanted}`, async () => {
    const found = await looked(caller, name);
    if (found !== wanted) throw new Error(`it is ${found}`);
    return found;
  });
}

/** With a dot at its end, so that no search domain is tried; nslookup fails where there is no address. */
async function looked(caller: KubeCluster, name: string): Promise<string> {
  const said = await caller.inPod('client', 'sh', '-c', `nslookup -type=a ${name}. || true`);
  const answers = said.matchAll(/^Name:.*\nAddress: (\S+)$/gm);
  return [...answers]
    .map(([, address]) => address)
    .sort()
    .join();
}
