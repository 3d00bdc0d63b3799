import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { defineClusterPeer } from '../../../test/fixtures/cluster-peer-crd.ts';
import { KubeApiServer, missingKubeApiServer } from '../../../test/fixtures/kube-api-server.ts';
import { releaseMembership } from '../../../test/fixtures/release-membership.ts';
import { KubeClient } from '../kube-client.ts';
import { kubernetesHome } from './kubernetes-home.ts';
import { SECRETS } from './resource-types.ts';
import { StoreUsersSecret } from './store-users-secret.ts';

describe('the users of a store that forgets them', { skip: missingKubeApiServer(), timeout: 120_000 }, () => {
  const suite = KubeApiServer.forSuite();
  let client: KubeClient;

  before(async () => {
    client = await KubeClient.ofContext({ kubeconfig: suite.server.kubeconfig });
    await defineClusterPeer(client);
  });
  after(() => client?.close());

  async function namespace(name: string): Promise<string> {
    await client.create(
      { group: '', version: 'v1', plural: 'namespaces', namespaced: false },
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    );
    return name;
  }

  function settingsOf(t: TestContext, at: string) {
    return { ...releaseMembership(t, at), storeUsersSecret: 'isthmus-redis-users' };
  }

  async function storeUsers(at: string): Promise<Readonly<Record<string, string>>> {
    const kept = await client.get(SECRETS, { namespace: at, name: 'isthmus-redis-users' });
    const { data } = kept as { data: Record<string, string> };
    const lines = Object.entries(data).map(([name, line]) => [name, Buffer.from(line, 'base64').toString()]);
    return Object.fromEntries(lines);
  }

  it('are remembered, each by itself', async (t) => {
    const at = await namespace('invites');
    const settings = settingsOf(t, at);
    const home = kubernetesHome({ client, cluster: 'east', settings });
    await Promise.all([
      home.keepStoreUser?.('isthmus-east', 'user isthmus-east on\n'),
      home.keepStoreUser?.('isthmus-west', 'user isthmus-west on\n'),
    ]);
    await home.keepStoreUser?.('isthmus-west', 'user isthmus-west off\n');
    assert.deepEqual(await storeUsers(at), {
      'isthmus-east': 'user isthmus-east on\n',
      'isthmus-west': 'user isthmus-west off\n',
    });
    const { storeUsersSecret: _none, ...without } = settings;
    assert.equal(kubernetesHome({ client, cluster: 'east', settings: without }).keepStoreUser, undefined);
  });

  it('stay when a cluster leaves, but for its own, and it says who needs the store still', async (t) => {
    const at = await namespace('leaves');
    const settings = settingsOf(t, at);
    const home = kubernetesHome({ client, cluster: 'east', settings });
    for (const name of ['isthmus-east', 'isthmus-west', 'isthmus-north']) {
      await home.keepStoreUser?.(name, `user ${name} on\n`);
    }
    const remaining = await home.remove();
    assert.deepEqual(Object.keys(await storeUsers(at)).sort(), ['isthmus-north', 'isthmus-west']);
    assert.match(remaining.join(), /^the store here has users of other clusters \(isthmus-(north|west), /);
    // They leave, too: each later, and somebody is invited anew.
    const users = new StoreUsersSecret({ client, namespace: at, name: 'isthmus-redis-users' });
    await home.keepStoreUser?.('isthmus-west', 'user isthmus-west off\n');
    assert.deepEqual(await users.forget('isthmus-north'), ['isthmus-west']);
    assert.deepEqual(await storeUsers(at), { 'isthmus-west': 'user isthmus-west off\n' });
    assert.deepEqual(await Promise.all([users.forget('isthmus-west'), users.forget('isthmus-west')]), [
      [],
      [],
    ]);
    await assert.rejects(storeUsers(at), { status: 404 });
    assert.deepEqual(await home.remove(), []);
  });
});
