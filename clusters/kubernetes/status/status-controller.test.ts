import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { ManualClock } from '../../../federation/runtime/clock.ts';
import { Watchable } from '../../../federation/runtime/watchable.ts';
import { KubeError } from '../kube-error.ts';
import { type KubeObject, resourceType } from '../resource-type.ts';
import { type StatusClient, StatusController } from './status-controller.ts';
import { StatusObjects } from './status-objects.ts';
import type { StatusSight } from './status-view.ts';

const POLICY = {
  metadata: { name: 'first', namespace: 'shop', uid: 'u', resourceVersion: '7', generation: 1 },
  spec: { targetRefs: [{ group: '', kind: 'Service', name: 'cart' }] },
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A leader in a cluster with one FailoverPolicy; what the API server does with a status is the test's. */
async function lead(t: TestContext, answer: (object: KubeObject) => unknown) {
  const clock = new ManualClock();
  const scene = {
    clock,
    writes: 0,
    told: [] as readonly string[],
    offered: true,
    look: (): void => undefined,
  };
  const client: StatusClient = {
    onReturn: () => () => undefined,
    applyStatus: async (_type, object) => {
      scene.writes += 1;
      return answer(object);
    },
  };
  const objects = new StatusObjects();
  const controller = new StatusController({
    client,
    objects,
    clock,
    random: () => 0.5,
    view: {
      leading: new Watchable(true),
      complete: new Watchable(true),
      sight: () => sight(() => scene.offered),
      watch: (listener) => {
        scene.look = listener;
        return () => undefined;
      },
    },
    problems: (problems) => {
      scene.told = problems;
    },
  });
  t.after(() => controller.close());
  const type = resourceType('isthmus.io', 'v1alpha1', 'failoverpolicies');
  objects.take('FailoverPolicy', ['shop/first'], () => objects.read('FailoverPolicy', type, POLICY));
  objects.allRead();
  await objects.ready;
  return scene;
}

function sight(isOffered: () => boolean): StatusSight {
  return {
    reportingGateways: 1,
    storeUp: true,
    settled: true,
    local: 'east',
    hasService: isOffered,
    generationOf: () => 1,
    problemsAt: () => [],
    lostTargetsOf: () => [],
    refusedTargetsOf: () => [],
    verdictsOf: () => [],
    drainOf: () => undefined,
    distrustOf: () => undefined,
    peerOf: () => undefined,
  };
}

describe('a status that does not become what was written', () => {
  const looks = async (scene: Awaited<ReturnType<typeof lead>>, count: number): Promise<void> => {
    for (let at = 0; at < count; at++) {
      await turn();
      scene.look();
      scene.clock.advance(1000);
    }
    await turn();
  };

  it('is told and written again after minutes, but at once when it should be another', async (t) => {
    const scene = await lead(t, () => POLICY);
    await looks(scene, 20);
    assert.equal(scene.writes, 1);
    assert.match(scene.told.join(), /FailoverPolicy\/shop\/first: .* left the status as it was/);
    scene.offered = false;
    await looks(scene, 20);
    assert.equal(scene.writes, 2);
    scene.clock.advance(300_000);
    await looks(scene, 20);
    assert.equal(scene.writes, 3);
  });

  it('for the API server knows no such status, is told and written again after minutes', async (t) => {
    const scene = await lead(t, () => {
      throw new KubeError({
        status: 404,
        reason: 'NotFound',
        message: 'no such path',
        retryAfterMs: undefined,
      });
    });
    await looks(scene, 20);
    assert.equal(scene.writes, 1);
    assert.match(scene.told.join(), /no such path/);
    scene.clock.advance(300_000);
    await looks(scene, 20);
    assert.equal(scene.writes, 2);
  });
});
