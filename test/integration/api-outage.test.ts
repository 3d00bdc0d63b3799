import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { missingKubeApiServer } from '../fixtures/kube-api-server.ts';
import { OutageScene } from '../fixtures/outage-scene.ts';

/** `ISTHMUS_TEST_OUTAGE_MS=60000` tries what is promised; without it each outage is only as long as it must be to show. */
const given = process.env.ISTHMUS_TEST_OUTAGE_MS;
/** Long enough for a lease to end, and after that for a cluster of which nothing is heard to be given up by others. */
const LONG_MS = Number(given ?? 25_000);
/** Longer than a lease. */
const SHORT_MS = Number(given ?? 12_000);
/**
 * What only hangs is noticed by then: the lease is renewed, has no answer for 2 s, and three looks at a second's distance have
 * none. What ends before that counts as slow, and a watch on a connection that it killed waits for its own silence, 3 minutes.
 */
const NOTICED_MS = 8_000;
/** The promise; it is a tenth of a second where nothing waits that need not. */
const CONVERGED_MS = 5000;

describe('a cluster whose API server', { skip: missingKubeApiServer(), timeout: 900_000 }, () => {
  const ends: (() => void | Promise<void>)[] = [];
  const owner = { after: (end: () => void | Promise<void>): void => void ends.unshift(end) };
  let scene: OutageScene;
  let pod: 0 | 1 = 0;

  before(async () => {
    scene = await OutageScene.start(owner);
  });
  after(async () => {
    for (const end of ends) await end();
  });

  /** Under load from both clusters: nothing fails, the peer sees nothing, and news come at once when it is over. */
  async function goesOn(begin: () => void | Promise<void>, end: () => void | Promise<void>, ms: number) {
    const { requests, failures, seenByPeer } = await scene.watched(async () => {
      await begin();
      await sleep(ms);
      await end();
      pod = pod === 0 ? 1 : 0;
      const took = await scene.change(pod);
      assert.ok(Math.max(...took) < CONVERGED_MS, `in east after ${took[0]} ms, in west after ${took[1]} ms`);
      await scene.untilWell();
    });
    assert.deepEqual(failures, [], `of ${requests} requests`);
    assert.deepEqual(seenByPeer, ['synced'], 'data plane and store have nothing to do with an API server');
  }

  it('is killed goes on, and has the news at once when it is back', () =>
    goesOn(
      () => scene.api.kill(),
      () => scene.api.start(),
      LONG_MS,
    ));

  it('stands still goes on', () =>
    goesOn(
      () => scene.api.freeze(),
      () => scene.api.thaw(),
      SHORT_MS,
    ));

  it('is cut off goes on, though connections from before stay dead', () =>
    goesOn(
      () => scene.relay.freeze(),
      () => scene.relay.thawNew(),
      SHORT_MS,
    ));

  it('is slow goes on', () =>
    goesOn(
      () => scene.slowDown(1000),
      () => scene.slowDown(0),
      SHORT_MS,
    ));

  it('has no etcd goes on', () =>
    goesOn(
      () => scene.api.killEtcd(),
      () => scene.api.startEtcd(),
      SHORT_MS,
    ));

  it('has forgotten what came between goes on from a new listing', async () => {
    await goesOn(
      () => scene.relay.freeze(),
      async () => {
        await scene.forget();
        scene.relay.thawNew();
      },
      NOTICED_MS,
    );
  });
});
