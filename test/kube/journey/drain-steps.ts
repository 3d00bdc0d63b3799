import assert from 'node:assert/strict';
import { it } from 'node:test';
import { z } from 'zod';
import { isthmus, isthmusIn } from '../isthmus-release.ts';
import { risesInSteps } from './loss-steps.ts';
import type { JourneyScene } from './scene.ts';

const OVER_MS = 20_000;
/** What a second's share may be above an earlier one's: 200 requests are drawn. */
const RISE_TOLERANCE = 0.1;

const drained = z.object({ scope: z.string(), changed: z.boolean(), takenPercent: z.number() });
const memberList = z.object({
  members: z.array(z.object({ cluster: z.string(), drainedPercent: z.number() })),
});

/** A cluster that takes all requests is drained by a command at it, and comes back. */
export function drainSteps(scene: JourneyScene): void {
  it('drains a cluster evenly by one command there, and loses nothing', async () => {
    const { east, load } = scene;
    const fromMs = Date.now();
    const over = ['--over', `${OVER_MS / 1_000}s`];
    assert.deepEqual(await command('drain', ...over), {
      ...{ scope: 'everywhere', changed: true, takenPercent: 100 },
    });
    const settledMs = await load.settled('east', fromMs);
    const window = await load.between(fromMs, settledMs + 1_000);
    const shares = window.sharesBySecond('west');
    console.log(`west is drained: ${window}; its share by the second: ${inPercent(shares)}`);
    assert.deepEqual([...window.failed, ...window.failedPosts], []);
    assert.ok(
      shares.some((share) => Math.abs(share - 0.5) <= RISE_TOLERANCE),
      `no second near half: ${shares}`,
    );
    shares.forEach((share, second) => {
      const least = Math.min(1, ...shares.slice(0, second));
      assert.ok(share <= least + RISE_TOLERANCE, `a rise in second ${second}: ${shares}`);
    });
    const said: unknown = JSON.parse(await isthmusIn(east, ['cluster', 'list', '--output', 'json']));
    const west = memberList.parse(said).members.find(({ cluster }) => cluster === 'west');
    assert.equal(west?.drainedPercent, 100);
    await east.kubectl([
      'wait',
      'clusterpeer/west',
      '--for=jsonpath={.status.drain}=drained',
      '--timeout=60s',
    ]);
    assert.match(await east.kubectl(['get', 'clusterpeers']), /^west +True +True +True +drained /m);
  });

  it('lets it come back in steps', async () => {
    const { load, west } = scene;
    const fromMs = Date.now();
    const { scope, changed } = await command('undrain', '--no-wait');
    assert.deepEqual([scope, changed], ['everywhere', true]);
    const settledMs = await load.settled('west', fromMs);
    const window = await load.between(fromMs, settledMs + 2_000);
    const shares = window.sharesBySecond('west');
    console.log(`west is back: ${window}; its share by the second: ${inPercent(shares)}`);
    assert.deepEqual([...window.failed, ...window.failedPosts], []);
    risesInSteps(shares);
    assert.doesNotMatch(await west.kubectl(['get', 'clusterpeers', '-o', 'name']), /\/west$/m);
  });

  async function command(name: 'drain' | 'undrain', ...more: string[]) {
    const args = ['cluster', name, 'west', '--context', 'west', '--output', 'json', ...more];
    return drained.parse(JSON.parse(await isthmus(scene.kubeconfig, ...args)));
  }
}

function inPercent(shares: readonly number[]): string {
  return shares.map((share) => `${Math.round(share * 100)}`).join(' ');
}
