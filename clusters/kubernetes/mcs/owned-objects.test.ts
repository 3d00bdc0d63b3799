import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { SYSTEM_CLOCK } from '../../../federation/runtime/clock.ts';
import { KubeApiServer, missingKubeApiServer } from '../../../test/fixtures/kube-api-server.ts';
import { eventually } from '../../../test/fixtures/store-clusters.ts';
import type { KubeClient } from '../kube-client.ts';
import { KubeError } from '../kube-error.ts';
import { MANAGED_BY, MANAGER, SERVICE_NAME, SERVICES } from './mcs-objects.ts';
import { type ObservedService, observeService } from './observed.ts';
import { type McsClient, OwnedObjects } from './owned-objects.ts';

const REF = { namespace: 'default', name: 'derived-web' };
const SERVICE = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { ...REF, labels: { [MANAGED_BY]: MANAGER, [SERVICE_NAME]: 'web' } },
  spec: { ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 15_600 }] },
};

/** Whose first watch has no news, and then no longer what it would go on from. */
function forgetful(client: KubeClient): { client: McsClient; forget: () => void } {
  const { promise, resolve: forget } = Promise.withResolvers<void>();
  let watches = 0;
  const watch: McsClient['watch'] = async function* (type, options) {
    if (watches++ > 0) return yield* client.watch(type, options);
    await promise;
    throw new KubeError({ status: 410, reason: 'Expired', message: 'the watch is too old' });
  };
  return {
    client: {
      list: (...given) => client.list(...given),
      watch,
      get: (...given) => client.get(...given),
      create: (...given) => client.create(...given),
      apply: (...given) => client.apply(...given),
      applyStatus: (...given) => client.applyStatus(...given),
      update: (...given) => client.update(...given),
      delete: (...given) => client.delete(...given),
      onReturn: (listener) => client.onReturn(listener),
    },
    forget,
  };
}

describe('what we make', { skip: missingKubeApiServer() }, () => {
  const suite = KubeApiServer.forSuite();

  async function scene(t: TestContext) {
    const admin = suite.server.client(t);
    const { client, forget } = forgetful(admin);
    const told: string[] = [];
    const objects = new OwnedObjects<ObservedService>({
      client,
      kind: 'Service',
      types: [SERVICES],
      observe: observeService,
      clock: SYSTEM_CLOCK,
      random: Math.random,
      changed: (keys) => told.push(...keys),
    });
    t.after(async () => {
      forget();
      await objects.close();
    });
    await objects.ready;
    return { admin, forget, told, objects };
  }

  it('and others take away while the watch is away is not thought to be there', async (t) => {
    const { admin, forget, told, objects } = await scene(t);
    const { ours, owner, uid } = await objects.ensure(SERVICE);
    assert.deepEqual([ours, owner, objects.get(REF)?.uid], [true, 'default/web', uid]);
    await admin.delete(SERVICES, REF);
    told.length = 0;
    forget();
    await eventually('its service is told', () => told.includes('default/web'));
    assert.equal(objects.get(REF), undefined);
    assert.notEqual((await objects.ensure(SERVICE)).uid, uid);
    await admin.delete(SERVICES, REF);
  });
});
