import assert from 'node:assert/strict';
import { it } from 'node:test';
import { inSync, NAMESPACE } from '../isthmus-release.ts';
import { answerFrom } from './calls.ts';
import { FAILBACK } from './policy-manifests.ts';
import type { JourneyScene } from './scene.ts';

const MOVED_WITHIN_MS = 5_000;
/** How far from a step's share a second may be: 200 requests are drawn, in workers whose steps are not at one time. */
const SHARE_TOLERANCE = 0.1;
/** A share below the highest so far by more than this is a step down. */
const DROP_TOLERANCE = 0.2;

/** The loss of a whole cluster that took all requests, and its return. */
export function lossSteps(scene: JourneyScene): void {
  it('moves within 5 s, and loses no idempotent request, when the other cluster loses its power', async () => {
    const { west, load } = scene;
    const fromMs = Date.now();
    await west.halt();
    const settledMs = await load.settled('east', fromMs);
    const window = await load.between(fromMs, settledMs + 1_000);
    console.log(`power cut in west -> all answers from east: ${settledMs - fromMs} ms; ${window}`);
    assert.deepEqual(window.failed, []);
    assert.ok(settledMs - fromMs < MOVED_WITHIN_MS, `${settledMs - fromMs} ms`);
  });

  it('gives traffic back in steps after the cluster is started again', async () => {
    const { east, west, load } = scene;
    const fromMs = Date.now();
    await west.start();
    console.log(`west is started again: ${Date.now() - fromMs} ms`);
    const settledMs = await load.settled('west', fromMs);
    const window = await load.between(fromMs, settledMs + 2_000);
    const shares = window.sharesBySecond('west');
    const begun = shares.findIndex((share) => share > 0);
    console.log(`west is back: ${window}; its share by the second, from second ${begun} on:`);
    console.log(
      shares
        .slice(Math.max(0, begun))
        .map((share) => `${Math.round(share * 100)}`)
        .join(' '),
    );
    assert.deepEqual(window.failed, []);
    risesInSteps(shares);
    for (const program of ['federation', 'gateway']) {
      await west.rolledOut(`deployment/isthmus-${program}`, {}, '-n', NAMESPACE);
    }
    await west.until('east in sync', () => inSync(west, east));
    await east.until('west in sync', () => inSync(east, west));
    await answerFrom(east, 'east');
  });
}

/** Each step of the failback shows, and nothing falls in between. */
export function risesInSteps(shares: readonly number[]): void {
  for (const percent of FAILBACK.steps) {
    const near = shares.filter((share) => Math.abs(share - percent / 100) <= SHARE_TOLERANCE);
    assert.ok(near.length > 0, `no second near ${percent} %: ${shares}`);
  }
  shares.forEach((share, second) => {
    const most = Math.max(0, ...shares.slice(0, second));
    assert.ok(share >= most - DROP_TOLERANCE, `a step down in second ${second}: ${shares}`);
  });
}
