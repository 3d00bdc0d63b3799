import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { NAMESPACE, upgradeRelease } from '../isthmus-release.ts';
import type { KubeCluster } from '../kube-cluster.ts';
import { manualEndpoints, manualService } from '../web-manifests.ts';
import { wget } from './calls.ts';
import type { JourneyScene } from './scene.ts';

const API_AWAY_MS = 60_000;
const CONVERGED_WITHIN_MS = 5_000;
const MANUAL_URL = 'http://manual.default.svc.clusterset.local/';

const webPods = z.object({ items: z.array(z.object({ status: z.object({ podIP: z.string() }) })).min(2) });

/** The control plane goes away, of Kubernetes and of Isthmus, and no request notices. */
export function controlPlaneSteps(scene: JourneyScene): void {
  it('loses no request while both releases are upgraded, one after the other', async () => {
    for (const cluster of scene.clusters) {
      const pods = await isthmusPods(cluster);
      const { window, result } = await scene.load.during(async () => {
        const startMs = Date.now();
        await upgradeRelease(cluster, 'upgraded');
        await cluster.until('the end of all old pods', async () => {
          const now = await isthmusPods(cluster);
          return now.some((name) => pods.includes(name)) ? undefined : now;
        });
        return Date.now() - startMs;
      });
      console.log(`helm upgrade in ${cluster.name}, all pods replaced in ${result} ms: ${window}`);
      assert.deepEqual([...window.failed, ...window.failedPosts], []);
    }
  });

  it('loses no request while an API server is away for a minute, and follows changes 5 s after its return', async () => {
    const { east, load } = scene;
    const [first, second] = webPods
      .parse(await east.get('pods', '-l', 'app=web'))
      .items.map(({ status }) => status.podIP);
    await east.apply(`${manualService}---${manualEndpoints(first ?? '')}`);
    const before = await east.until('an answer', () => wget(east, MANUAL_URL));

    const fromMs = Date.now();
    await east.stopProgram('apiserver');
    await sleep(API_AWAY_MS);
    await east.startProgram('apiserver');
    const backMs = await isBack(east);
    await east.apply(manualEndpoints(second ?? ''));
    const after = await east.until('an answer from the other pod', async () => {
      const answer = await wget(east, MANUAL_URL);
      return answer === before ? undefined : answer;
    });
    const convergedMs = Date.now() - backMs;
    assert.match(after, /^hello from web-/);
    const window = await load.between(fromMs, Date.now());
    console.log(`API server of east away for ${backMs - fromMs} ms: ${window}`);
    console.log(`its return -> a change of endpoints is routed: ${convergedMs} ms`);
    assert.deepEqual([...window.failed, ...window.failedPosts], []);
    assert.ok(convergedMs < CONVERGED_WITHIN_MS, `${convergedMs} ms`);
  });
}

/** @returns when the API server was ready again, Unix ms */
async function isBack(cluster: KubeCluster): Promise<number> {
  return await cluster.until('the API server', async () => {
    await cluster.kubectl(['get', '--raw', '/readyz', '--request-timeout=1s']);
    return Date.now();
  });
}

const podList = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) });

/** Names of the pods of both programs. */
async function isthmusPods(cluster: KubeCluster): Promise<readonly string[]> {
  const programs = 'app.kubernetes.io/component in (gateway, federation)';
  const { items } = podList.parse(await cluster.get('pods', '-n', NAMESPACE, '-l', programs));
  return items.map(({ metadata }) => metadata.name);
}
