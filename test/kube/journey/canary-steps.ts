import assert from 'node:assert/strict';
import { it } from 'node:test';
import { z } from 'zod';
import { webCanary } from '../web-manifests.ts';
import { tally } from './calls.ts';
import { canaryRoute } from './policy-manifests.ts';
import type { JourneyScene } from './scene.ts';

const REQUESTS = 200;
/** Loose: were each request drawn for itself, one run in ten thousand would leave this; each worker takes turns. */
const A_TENTH = { least: 6, most: 42 } as const;

const route = z.object({
  status: z.object({
    parents: z.array(
      z.object({
        controllerName: z.string(),
        conditions: z.array(z.object({ type: z.string(), status: z.string() })),
      }),
    ),
  }),
});

/** A new version in the other cluster gets a tenth of the requests by a route where the clients are, then all, then none. */
export function canarySteps(scene: JourneyScene): void {
  it('sends a tenth to a new version in the other cluster by an HTTPRoute, then everything, and back', async () => {
    const { east, west } = scene;
    await west.apply(webCanary);
    await west.rolledOut('deployment/web-canary');
    await east.until('the import of the new version', () => east.get('serviceimport', 'web-canary'));
    const startMs = performance.now();
    await east.apply(canaryRoute(90, 10));
    await east.until('the route to hold', async () => ((await holds()) ? true : undefined));
    const shares = await counted();
    console.log(`HTTPRoute 90/10: ${JSON.stringify(shares)}, ${Math.round(performance.now() - startMs)} ms`);
    const { web = 0, 'web-canary': canary = 0 } = shares;
    assert.equal(web + canary, REQUESTS, JSON.stringify(shares));
    assert.ok(canary >= A_TENTH.least && canary <= A_TENTH.most, JSON.stringify(shares));
    await east.apply(canaryRoute(0, 1));
    await east.until('all at the new version', async () => ((await only('web-canary')) ? true : undefined));
    await east.kubectl(['delete', 'httproute/web']);
    await east.until('all at the old version', async () => ((await only('web')) ? true : undefined));
    await west.kubectl(['delete', 'serviceexport/web-canary', 'service/web-canary', 'deployment/web-canary']);
  });

  async function holds(): Promise<boolean> {
    const { status } = route.parse(await scene.east.get('httproute', 'web'));
    const ours = status.parents.find(({ controllerName }) => controllerName === 'isthmus.io/mesh-controller');
    const isTrue = (type: string) =>
      ours?.conditions.some((one) => one.type === type && one.status === 'True');
    return isTrue('Accepted') === true && isTrue('ResolvedRefs') === true;
  }

  async function only(version: string): Promise<boolean> {
    return (await counted(10))[version] === 10;
  }

  function counted(requests: number = REQUESTS): Promise<Readonly<Record<string, number>>> {
    return tally(scene.east, requests);
  }
}
