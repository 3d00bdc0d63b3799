import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { defineClusterPeer } from '../../../test/fixtures/cluster-peer-crd.ts';
import { KubeApiServer, missingKubeApiServer } from '../../../test/fixtures/kube-api-server.ts';
import { releaseMembership } from '../../../test/fixtures/release-membership.ts';
import { KubeClient } from '../kube-client.ts';
import { KubeContext, loadKubeConfig } from '../kube-context.ts';
import { KubeError } from '../kube-error.ts';
import { ROOT_KEY } from './kept-files.ts';
import { kubernetesHome } from './kubernetes-home.ts';
import { SECRETS } from './resource-types.ts';

const NAMESPACE = 'isthmus-system';
const CLUSTER_FILE = `
cluster: east
clusterset: mesh.example
locality: { region: eu, zone: eu-a }
trustHome: true
gateways: ["10.0.0.1:15443"]
store: { kind: memory, address: "10.0.0.2:15990" }
`;
const NAMESPACES = { group: '', version: 'v1', plural: 'namespaces', namespaced: false };

/** The API server goes away while something is deleted, until it is said to be back. */
class InterruptedClient extends KubeClient {
  isAway = true;

  override delete(...args: Parameters<KubeClient['delete']>): Promise<void> {
    if (this.isAway) return Promise.reject(KubeError.transport('DELETE', 'Timeout', 'no answer after 30 s'));
    return super.delete(...args);
  }
}

async function trustHome(t: TestContext) {
  const server = await KubeApiServer.start(t);
  const config = await loadKubeConfig({ kubeconfig: server.kubeconfig });
  const client = new InterruptedClient(new KubeContext(config));
  t.after(() => client.close());
  await client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  await defineClusterPeer(client);
  const settings = releaseMembership(t, NAMESPACE);
  const found = async (root: string): Promise<void> => {
    const metadata = { name: 'isthmus-membership', namespace: NAMESPACE };
    const stringData = { [ROOT_KEY]: root, 'cluster.yaml': CLUSTER_FILE };
    await client.create(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata, stringData });
  };
  return { client, found, home: kubernetesHome({ client, cluster: 'east', settings }) };
}

describe('a leave of the trust home', { skip: missingKubeApiServer(), timeout: 120_000 }, () => {
  it('goes on where it was interrupted, and never puts one root over another', async (t) => {
    const { client, found, home } = await trustHome(t);
    await found('the root');
    await assert.rejects(home.remove(), /no answer after 30 s/);
    client.isAway = false;
    const remaining = await home.remove();
    assert.match(remaining.join(), /^keep a copy of Secret isthmus-system\/isthmus-membership-left, /);
    const gone = client.get(SECRETS, { namespace: NAMESPACE, name: 'isthmus-membership' });
    await assert.rejects(gone, (failure) => KubeError.isNotFound(failure));
    await found('another root');
    await assert.rejects(home.remove(), /holds the root of a clusterset that was left before/);
  });
});
