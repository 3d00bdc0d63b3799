import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KubeApiServer, missingKubeApiServer } from '../../test/fixtures/kube-api-server.ts';
import { KubeClient, type ListPage } from './kube-client.ts';
import { KubeError } from './kube-error.ts';

const CONFIG_MAPS = { group: '', version: 'v1', plural: 'configmaps', namespaced: true };
const SERVICES = { group: '', version: 'v1', plural: 'services', namespaced: true };

function configMap(name: string, data: Record<string, string> = {}) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data };
}

describe('KubeClient with a real API server', { skip: missingKubeApiServer() }, () => {
  const suite = KubeApiServer.forSuite();

  it('creates, reads, updates and deletes, each only as it was meant', async (t) => {
    const client = suite.server.client(t);
    const made = (await client.create(CONFIG_MAPS, configMap('one', { a: '1' }))) as ReturnType<
      typeof configMap
    > & {
      metadata: { resourceVersion: string; uid: string };
    };
    await assert.rejects(client.create(CONFIG_MAPS, configMap('one')), (failure) => {
      assert.ok(KubeError.isConflict(failure) && failure instanceof KubeError);
      return failure.reason === 'AlreadyExists';
    });
    await client.update(CONFIG_MAPS, { ...made, data: { a: '2' } });
    const stale = client.update(CONFIG_MAPS, { ...made, data: { a: '3' } });
    await assert.rejects(stale, (failure) => KubeError.isConflict(failure));
    const ref = made.metadata;
    const { resourceVersion } = ref;
    await assert.rejects(client.delete(CONFIG_MAPS, ref, { resourceVersion }), (failure) =>
      KubeError.isConflict(failure),
    );
    await assert.rejects(client.delete(CONFIG_MAPS, ref, { uid: 'another' }), /Conflict/);
    await client.delete(CONFIG_MAPS, ref, { uid: ref.uid });
    await assert.rejects(client.get(CONFIG_MAPS, ref), (failure) => KubeError.isNotFound(failure));
  });

  it('applies its own fields, takes those of others by force, and gives up what it no longer names', async (t) => {
    const client = suite.server.client(t);
    const data = async (): Promise<unknown> =>
      ((await client.get(CONFIG_MAPS, { name: 'two', namespace: 'default' })) as { data?: unknown }).data;
    await client.apply(CONFIG_MAPS, configMap('two', { a: '1', b: '1' }), { fieldManager: 'somebody' });
    const polite = client.apply(CONFIG_MAPS, configMap('two', { a: '2' }), { force: false });
    await assert.rejects(polite, (failure) => KubeError.isConflict(failure));
    await client.apply(CONFIG_MAPS, configMap('two', { a: '2', c: '2' }));
    assert.deepEqual(await data(), { a: '2', b: '1', c: '2' });
    await client.apply(CONFIG_MAPS, configMap('two', { a: '3' }));
    assert.deepEqual(await data(), { a: '3', b: '1' });
  });

  it('writes a status beside the spec', async (t) => {
    const client = suite.server.client(t);
    const head = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default' } };
    await client.apply(SERVICES, { ...head, spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } });
    const loadBalancer = { ingress: [{ ip: '192.0.2.1', ipMode: 'VIP' }] };
    await client.applyStatus(SERVICES, { ...head, status: { loadBalancer } });
    const read = (await client.get(SERVICES, head.metadata)) as {
      spec: { ports: { port: number }[] };
      status: unknown;
    };
    assert.equal(read.spec.ports[0]?.port, 80);
    assert.deepEqual(read.status, { loadBalancer });
  });

  it('lists in pages and watches on from there', async (t) => {
    const client = suite.server.client(t);
    const labelled = (name: string) => {
      const object = configMap(name);
      return { ...object, metadata: { ...object.metadata, labels: { paged: 'yes' } } };
    };
    for (const name of ['a', 'b', 'c']) await client.create(CONFIG_MAPS, labelled(name));
    const selection = { namespace: 'default', labelSelector: 'paged', limit: 2, metadataOnly: true };
    const pages: ListPage[] = [];
    for await (const page of client.list(CONFIG_MAPS, selection)) pages.push(page);
    assert.deepEqual(
      pages.map(({ items, complete }) => [items.length, complete]),
      [
        [2, false],
        [1, true],
      ],
    );
    for (const item of pages.flatMap(({ items }) => items)) {
      assert.equal((item as { kind: string }).kind, 'PartialObjectMetadata');
    }
    await client.create(CONFIG_MAPS, labelled('d'));
    const resourceVersion = pages.at(-1)?.resourceVersion ?? '';
    for await (const event of client.watch(CONFIG_MAPS, { ...selection, resourceVersion })) {
      assert.equal(event.type, 'ADDED');
      assert.equal((event.object as { metadata: { name: string } }).metadata.name, 'd');
      break;
    }
  });

  it('reviews a token for the audience that it was made for', async (t) => {
    const client = suite.server.client(t);
    const token = await suite.server.serviceAccountToken(t, 'default', 'gateway', 'isthmus');
    const good = await client.tokenReview(token, ['isthmus']);
    assert.equal(good.username, 'system:serviceaccount:default:gateway');
    assert.deepEqual([good.authenticated, good.audiences], [true, ['isthmus']]);
    assert.equal((await client.tokenReview(token, ['somebody-else'])).authenticated, false);
    assert.equal((await client.tokenReview(`${token}x`, ['isthmus'])).authenticated, false);
    // A token for another audience opens nothing.
    const bearer = suite.server.client(t, token);
    await assert.rejects(
      bearer.rawGet('/api'),
      (failure) => failure instanceof KubeError && failure.status === 401,
    );
  });

  it('is held to what its user may do, and reads a kubeconfig as kubectl does', async (t) => {
    const token = await suite.server.serviceAccountToken(t, 'default', 'nobody');
    const refused = suite.server.client(t, token).get(SERVICES, { name: 'web', namespace: 'default' });
    await assert.rejects(refused, (failure) => {
      assert.ok(failure instanceof KubeError);
      assert.equal(failure.status, 403);
      return /User "system:serviceaccount:default:nobody" cannot get resource/.test(failure.message);
    });
    const client = await KubeClient.ofContext({ kubeconfig: suite.server.kubeconfig });
    t.after(() => client.close());
    assert.equal(await client.rawGet('/readyz'), 'ok');
  });
});
