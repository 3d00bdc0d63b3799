import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Lifetime } from '../../federation/runtime/lifetime.ts';
import { KubeApiServer, missingKubeApiServer } from '../../test/fixtures/kube-api-server.ts';
import { defineKind } from '../../test/fixtures/kube-definitions.ts';
import { KubeClient } from './kube-client.ts';
import { KubeError } from './kube-error.ts';
import { countImports, removeLeftovers } from './leftovers.ts';
import { type ResourceType, resourceType } from './resource-type.ts';

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
const NO_FAILURE = { failures: 0, reasons: [] };
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
      ...NO_FAILURE,
    });
    assert.equal(await isThere(SERVICES, 'derived-1', 'shop'), false);
    assert.equal(await isThere(SERVICES, 'web', 'shop'), true);
    assert.equal(await isThere(SECRETS, 'theirs', 'shop'), true, 'a Secret of another namespace');
    assert.equal(await isThere(SECRETS, 'isthmus-membership', HOME), true);
    assert.equal(await isThere(SECRETS, 'isthmus-redis-users', HOME), true, 'users of a store that runs on');
  });

  it('go with the root where that is meant, and a second time finds nothing', async () => {
    const report = await removeLeftovers({ client, namespace: HOME, withRoot: true });
    assert.deepEqual(report, { removed: { secrets: 2 }, kept: [], ...NO_FAILURE });
    assert.deepEqual(await removeLeftovers({ client, namespace: HOME, withRoot: true }), {
      removed: {},
      kept: [],
      ...NO_FAILURE,
    });
  });

  it('go where the cluster serves only the older version of the imports', async () => {
    const imports = resourceType('multicluster.x-k8s.io', 'v1alpha1', 'serviceimports');
    await defineKind(client, 'ServiceImport', imports);
    const metadata = { name: 'pay', namespace: 'shop', labels: OURS };
    await client.create(imports, {
      apiVersion: 'multicluster.x-k8s.io/v1alpha1',
      kind: 'ServiceImport',
      metadata,
    });
    assert.equal((await countImports(client)).serviceimports, 1);
    const { removed } = await removeLeftovers({ client, namespace: HOME, withRoot: true });
    assert.deepEqual(removed, { serviceimports: 1 });
    assert.equal(await isThere(imports, 'pay', 'shop'), false);
  });

  it('go page by page, past what cannot be removed, and the next time go on with the rest', async () => {
    const names = Array.from({ length: 1100 }, (_, index) => `derived-${index}`);
    await batches(names, (name) =>
      make(CONFIG_MAPS, 'ConfigMap', { name, namespace: HOME, labels: OURS }).then(() => undefined),
    );
    const told: number[] = [];
    let late = 0;
    const faulty: Pick<KubeClient, 'list' | 'delete'> = {
      list: (type, options) => client.list(type, options),
      delete: async (type, ref, options) => {
        if (ref.name !== 'derived-7' && ref.name !== 'derived-500') return client.delete(type, ref, options);
        late += 1;
        throw KubeError.transport(`DELETE ${ref.name}`, 'Timeout', 'no answer after 30 s');
      },
    };
    const options = { namespace: HOME, withRoot: true };
    const report = await removeLeftovers({
      ...options,
      client: faulty,
      onProgress: ({ configmaps = 0 }) => told.push(configmaps),
    });
    assert.deepEqual([report.removed, report.failures, late], [{ configmaps: 1098 }, 2, 2]);
    assert.match(report.reasons[0] ?? '', /^DELETE derived-\d+: no answer after 30 s$/);
    assert.ok(new Set(told).size > 2, `told of each page: ${told}`);
    assert.deepEqual((await removeLeftovers({ ...options, client })).removed, { configmaps: 2 });
  });

  it('are given up where nothing succeeds any more, and when a person ends it', async () => {
    const names = Array.from({ length: 200 }, (_, index) => `derived-${index}`);
    await batches(names, (name) =>
      make(CONFIG_MAPS, 'ConfigMap', { name, namespace: HOME, labels: OURS }).then(() => undefined),
    );
    const away: Pick<KubeClient, 'list' | 'delete'> = {
      list: (type, options) => client.list(type, options),
      delete: (_, ref) =>
        Promise.reject(KubeError.transport(`DELETE ${ref.name}`, 'Timeout', 'no answer after 30 s')),
    };
    const options = { namespace: HOME, withRoot: true };
    const report = await removeLeftovers({ ...options, client: away });
    assert.deepEqual([report.removed, report.failures, report.reasons.length], [{}, 48, 5]);
    const ended = new AbortController();
    const interrupted = removeLeftovers({
      ...options,
      client: {
        list: (type, selection) => client.list(type, selection),
        delete: async (type, ref, given) => {
          ended.abort(new Error('interrupted'));
          await client.delete(type, ref, given);
        },
      },
      signal: ended.signal,
    });
    await assert.rejects(interrupted, /^Error: interrupted$/);
    assert.deepEqual((await removeLeftovers({ ...options, client })).failures, 0);
  });
});

async function batches(names: readonly string[], act: (name: string) => Promise<void>): Promise<void> {
  for (let from = 0; from < names.length; from += 50) {
    await Promise.all(names.slice(from, from + 50).map(act));
  }
}
