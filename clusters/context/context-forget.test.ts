import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { CapturedOutput } from '../../test/fixtures/captured-output.ts';
import { defineClusterPeer } from '../../test/fixtures/cluster-peer-crd.ts';
import { KubeApiServer, missingKubeApiServer } from '../../test/fixtures/kube-api-server.ts';
import { KubeProtocolServer } from '../../test/fixtures/kube-protocol-server.ts';
import { takeExec } from '../../test/fixtures/kubelet-exec.ts';
import { KubeClient } from '../kubernetes/kube-client.ts';
import { KubeError } from '../kubernetes/kube-error.ts';
import { CLUSTER_PEERS } from '../kubernetes/membership/resource-types.ts';
import { forgetByContext } from './context-forget.ts';
import { KubernetesSite, type Release } from './kubernetes-site.ts';

const RELEASE = { namespace: 'isthmus-system', instance: 'isthmus', cluster: 'east' } as Release;
const READY_POD = {
  metadata: { name: 'isthmus-federation-1' },
  status: { conditions: [{ type: 'Ready', status: 'True' }] },
};
const PLAN = {
  cluster: 'west',
  clusterset: 'mesh.example',
  reach: 'unreachable',
  lastSeen: '2026-01-01T00:00:00.000Z',
  services: 2,
  onlyThere: ['shop/cart'],
  objection: null as string | null,
  remaining: ['make sure that west does not come back'],
};

/** A trust home whose pod says what would be, and does it. */
async function trustHome(t: TestContext, plan = PLAN) {
  const server = await KubeProtocolServer.start(t);
  server.answer = (_, response) =>
    response.end(JSON.stringify({ metadata: { resourceVersion: '1' }, items: [READY_POD] }));
  const ran: string[] = [];
  takeExec(server, ({ say, command }) => {
    ran.push(command.slice(3).join(' '));
    say(1, JSON.stringify(plan));
    say(3, JSON.stringify({ status: 'Success' }));
  });
  const { signal } = new AbortController();
  const site = new KubernetesSite('test', new KubeClient(server.credentials), signal);
  t.after(() => site.close());
  const captured = new CapturedOutput('text', { isTTY: true });
  const asked: string[] = [];
  const forget = (
    answer: boolean | undefined,
    flags: Partial<Parameters<typeof forgetByContext>[2]> = {},
  ): Promise<void> =>
    forgetByContext(
      { site, release: RELEASE },
      'west',
      { context: 'test', ...flags },
      {
        output: captured.output,
        signal,
        confirm:
          answer === undefined
            ? undefined
            : async (question) => {
                asked.push(question);
                return answer;
              },
      },
    );
  return { ran, captured, asked, forget };
}

describe('isthmus cluster forget --context', () => {
  it('shows what would be, and does nothing after a no, where nobody sits, or as a dry run', async (t) => {
    const { ran, captured, asked, forget } = await trustHome(t);
    await assert.rejects(forget(false), /^UserError: nothing was changed$/);
    assert.match(captured.stderr, /^ {2}! no other cluster offers shop\/cart: that ends$/m);
    await assert.rejects(forget(undefined), /would be forgotten by mesh\.example/);
    await forget(undefined, { dryRun: true });
    assert.match(captured.stdout, /2 services that it offers are withdrawn/);
    assert.deepEqual(asked, ['Forget west?']);
    assert.deepEqual(ran, Array(3).fill('west --output json --dry-run'));
  });

  it('refuses one that may live, before anybody is asked, unless it is forced', async (t) => {
    const { ran, asked, forget } = await trustHome(t, { ...PLAN, objection: 'west is not lost' });
    await assert.rejects(forget(true), /^UserError: west is not lost$/);
    assert.deepEqual(asked, []);
    await forget(true, { force: true });
    assert.deepEqual(ran.slice(1), [
      'west --output json --dry-run --force',
      'west --output json --yes --force',
    ]);
  });

  it('removes its ClusterPeer in other members, and says where it could not', {
    skip: missingKubeApiServer(),
  }, async (t) => {
    const server = await KubeApiServer.start(t);
    const client = server.client(t);
    await defineClusterPeer(client);
    const peer = { apiVersion: 'isthmus.io/v1alpha1', kind: 'ClusterPeer', metadata: { name: 'west' } };
    await client.create(CLUSTER_PEERS, peer);
    const { captured, forget } = await trustHome(t);
    const flags = { yes: true, kubeconfig: server.kubeconfig, alsoContext: ['test', 'nowhere', 'test'] };
    await assert.rejects(
      forget(undefined, flags),
      /^UserError: west is forgotten, but its ClusterPeer is still there in nowhere$/,
    );
    assert.match(captured.stdout, /ClusterPeer west in test is removed$/m);
    assert.match(captured.stdout, /ClusterPeer west in test was not there$/m);
    const gone = client.get(CLUSTER_PEERS, { name: 'west' });
    await assert.rejects(gone, (failure) => KubeError.isNotFound(failure));
  });
});
