import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
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

/** How long we watch that something changes nothing. */
const WATCH_MS = 3_000;

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
    await east.apply(shopTraffic({ upstreamTls: { mode: 'Simple', caCertificates: NO_CERTIFICATE } }));
    await sleep(WATCH_MS);
    const window = await nothingLost('bad policies', fromMs);
    assert.equal(window.share('west'), 1);
    await east.kubectl(['delete', 'trafficpolicy', 'shop']);
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

function lastSecond({ slots }: LoadWindow): LoadWindow {
  return new LoadWindow(slots.slice(-1_000 / SLOT_MS));
}
