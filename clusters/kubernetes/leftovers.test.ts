import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { KubeApiServer, missingKubeApiServer } from '../../test/fixtures/kube-api-server.ts';
import { KubeClient } from './kube-client.ts';
import { KubeError } from './kube-error.ts';
import { countImports, removeLeftovers } from './leftovers.ts';
import type { ResourceType } from './resource-type.ts';

const core = (plural: string, namespaced = true): ResourceType => ({
  group: '',
  version: 'v1',
  plural,
  namespaced,
});
const [NAMESPACES, SERVICES, SECRETS, CONFIG_MAPS] = [
  core('namespaces', false),
  core('services'),
  core('secrets'),
  core('configmaps'),
];
const HOME = 'isthmus-system';
const OURS = { 'app.kubernetes.io/managed-by': 'isthmus' };

describe('leftovers of a release, in a real Kubernetes API', { skip: missingKubeApiServer() }, () => {
  const lifetime = new Lifetime();
  const owner = { after: (end: () => void | Promise<void>) => lifetime.add(end) };
  after(() => lifetime.close());
  let client: KubeClient;

  const make = (
    type: ResourceType,
    kind: string,
    metadata: { name: string; namespace?: string; labels?: object },
    rest = {},
  ) => client.create(type, { apiVersion: 'v1', kind, metadata, ...rest });
  const isThere = async (type: ResourceType, name: string, namespace: string): Promise<boolean> => {
    try {
      await client.get(type, { name, namespace });
      return true;
    } catch (failure) {
      if (KubeError.isNotFound(failure)) return false;
      throw failure;
    }
  };

  before(async () => {
    const server = await KubeApiServer.start(owner);
    client = await KubeClient.ofContext({ kubeconfig: server.kubeconfig });
    owner.after(() => client.close());
    for (const name of [HOME, 'shop']) await make(NAMESPACES, 'Namespace', { name });
    const spec = { spec: { ports: [{ port: 80 }] } };
    await make(SERVICES, 'Service', { name: 'derived-1', namespace: 'shop', labels: OURS }, spec);
    await make(SERVICES, 'Service', { name: 'web', namespace: 'shop' }, spec);
    await make(SECRETS, 'Secret', { name: 'theirs', namespace: 'shop', labels: OURS });
    await make(CONFIG_MAPS, 'ConfigMap', { name: 'isthmus-clusterset', namespace: HOME, labels: OURS });
    await make(SECRETS, 'Secret', { name: 'isthmus-invites', namespace: HOME, labels: OURS });
    const users = { stringData: { 'isthmus-west': 'user isthmus-west reset on\n' } };
    await make(SECRETS, 'Secret', { name: 'isthmus-redis-users', namespace: HOME, labels: OURS }, users);
    const root = { stringData: { 'trust_root.key': 'key' } };
    await make(SECRETS, 'Secret', { name: 'isthmus-membership', namespace: HOME, labels: OURS }, root);
  });

  it('are counted as far as they were imported', async () => {
    const none = { serviceimports: 0, endpointslices: 0 };
    assert.deepEqual(await countImports(client), { ...none, services: 1 });
  });

  it('go, but for the root of the clusterset, and nothing else goes', async () => {
    const report = await removeLeftovers({ client, namespace: HOME, withRoot: false, keepStoreUsers: true });
    assert.deepEqual(report, {
      removed: { services: 1, secrets: 1, configmaps: 1 },
      kept: ['isthmus-membership'],
    });
    assert.equal(await isThere(SERVICES, 'derived-1', 'shop'), false);
    assert.equal(await isThere(SERVICES, 'web', 'shop'), true);
    assert.equal(await isThere(SECRETS, 'theirs', 'shop'), true, 'a Secret of another namespace');
    assert.equal(await isThere(SECRETS, 'isthmus-membership', HOME), true);
    assert.equal(await isThere(SECRETS, 'isthmus-redis-users', HOME), true, 'users of a store that runs on');
  });

  it('go with the root where that is meant, and a second time finds nothing', async () => {
    const report = await removeLeftovers({ client, namespace: HOME, withRoot: true });
    assert.deepEqual(report, { removed: { secrets: 2 }, kept: [] });
    assert.deepEqual(await removeLeftovers({ client, namespace: HOME, withRoot: true }), {
      removed: {},
      kept: [],
    });
  });
});
