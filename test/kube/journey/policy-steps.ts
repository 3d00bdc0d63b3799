import assert from 'node:assert/strict';
import { it } from 'node:test';
import { z } from 'zod';
import type { KubeCluster } from '../kube-cluster.ts';
import { shopManifests } from '../load/load-manifests.ts';
import { LoadWindow, SLOT_MS } from '../load/load-window.ts';
import {
  BOTH_ALIKE,
  EAST_FIRST,
  NO_CERTIFICATE,
  shopFailover,
  shopTraffic,
  type Tier,
  WEST_FIRST,
} from './policy-manifests.ts';
import type { JourneyScene } from './scene.ts';

const policy = z.object({
  metadata: z.object({ generation: z.int() }),
  status: z.object({
    ancestors: z.array(
      z.object({
        conditions: z.array(
          z.object({ type: z.string(), reason: z.string(), observedGeneration: z.int().optional() }),
        ),
      }),
    ),
  }),
});

/** Changes of policies under load: none of them loses a request, good or bad. */
export function policySteps(scene: JourneyScene): void {
  it('has a service in both clusters under load', async () => {
    const { east, west } = scene;
    for (const cluster of scene.clusters) await cluster.apply(shopManifests());
    for (const cluster of scene.clusters) await cluster.rolledOut('deployment/shop');
    await west.until('the import of shop', () => west.get('serviceimport', 'shop'));
    await east.until('the import of shop', () => east.get('serviceimport', 'shop'));
    await scene.beginLoad();
    await scene.load.settled('east', Date.now());
  });

  it('follows edits of a FailoverPolicy without a lost request', async () => {
    const fromMs = Date.now();
    await edit(WEST_FIRST, 'west');
    await edit(EAST_FIRST, 'east');
    const startMs = Date.now();
    await scene.east.apply(shopFailover(BOTH_ALIKE));
    await scene.load.until('answers from both alike', startMs, (window) => {
      const share = lastSecond(window).share('west');
      return share > 0.35 && share < 0.65;
    });
    await edit(WEST_FIRST, 'west');
    await nothingLost('edits of a FailoverPolicy', fromMs);
  });

  it('has a bad policy refused by the API server, and what CEL cannot see changes nothing', async () => {
    const { east } = scene;
    const fromMs = Date.now();
    await assert.rejects(east.apply(shopFailover([{ clusters: [] }])), /tiers\[0\]\.clusters/);
    const twoSelectors = { ...WEST_FIRST[0], locality: 'Any' } as unknown as Tier;
    await assert.rejects(
      east.apply(shopFailover([twoSelectors])),
      /needs exactly one of clusters, locality and region/,
    );
    await east.apply(shopTraffic({ retries: { attempts: 2 } }));
    await saysOf(east, 'trafficpolicy', 'shop', 'Accepted');
    await east.apply(shopTraffic({ upstreamTls: { mode: 'Simple', caCertificates: NO_CERTIFICATE } }));
    await saysOf(east, 'trafficpolicy', 'shop', 'Invalid');
    await east.apply(shopFailover(EAST_FIRST, 'another'));
    await saysOf(east, 'failoverpolicy', 'another', 'Conflicted');
    await saysOf(east, 'failoverpolicy', 'shop', 'Accepted');
    const window = await nothingLost('bad policies', fromMs);
    assert.equal(window.share('west'), 1);
    await east.kubectl(['delete', 'trafficpolicy/shop', 'failoverpolicy/another']);
  });

  async function edit(tiers: readonly Tier[], cluster: string): Promise<void> {
    const startMs = Date.now();
    await scene.east.apply(shopFailover(tiers));
    const settledMs = await scene.load.settled(cluster, startMs);
    console.log(`edit of a FailoverPolicy -> all answers from ${cluster}: ${settledMs - startMs} ms`);
  }

  async function nothingLost(what: string, fromMs: number): Promise<LoadWindow> {
    const window = await scene.load.between(fromMs, Date.now());
    console.log(`${what}: ${window}`);
    assert.deepEqual([...window.failed, ...window.failedPosts], []);
    return window;
  }
}

/** Waits until the condition `Accepted` of a policy, at its one target, has this reason for its newest version. */
async function saysOf(cluster: KubeCluster, kind: string, name: string, reason: string): Promise<void> {
  await cluster.until(`${kind} ${name} ${reason}`, async () => {
    const { metadata, status } = policy.parse(await cluster.get(kind, name));
    const [ancestor] = status.ancestors;
    const found = ancestor?.conditions.find(({ type }) => type === 'Accepted');
    return found?.reason === reason && found.observedGeneration === metadata.generation ? true : undefined;
  });
}

function lastSecond({ slots }: LoadWindow): LoadWindow {
  return new LoadWindow(slots.slice(-1_000 / SLOT_MS));
}
