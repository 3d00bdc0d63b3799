import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { stringify } from 'yaml';
import { ManualClock } from '../../federation/runtime/clock.ts';
import { KubeProtocolServer } from '../../test/fixtures/kube-protocol-server.ts';
import { serverCertificate } from '../../test/fixtures/server-certificate.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { InCluster } from './in-cluster.ts';
import { KubeClient } from './kube-client.ts';

const NODES = { group: '', version: 'v1', plural: 'nodes', namespaced: false };
const environment = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' };

function account(t: TestContext): { folder: string; write(token: string): void } {
  const folder = tempFolder(t);
  writeFileSync(join(folder, 'namespace'), 'isthmus\n');
  writeFileSync(join(folder, 'ca.crt'), 'PEM');
  return { folder, write: (token) => writeFileSync(join(folder, 'token'), token) };
}

describe('InCluster', () => {
  it('reads a rotated token again, soon, and at once when the old one is refused', async (t) => {
    const { folder, write } = account(t);
    const clock = new ManualClock();
    write('one\n');
    const credentials = await InCluster.open({ folder, environment, clock });
    const bearer = async (): Promise<unknown> => (await credentials.current()).headers.authorization;
    assert.equal(credentials.server.href, 'https://[fd00::1]:6443/');
    assert.equal(credentials.namespace, 'isthmus');
    assert.equal(await bearer(), 'Bearer one');
    write('two');
    assert.equal(await bearer(), 'Bearer one');
    clock.advance(10_000);
    assert.equal(await bearer(), 'Bearer two');
    write('three');
    credentials.refused();
    assert.equal(await bearer(), 'Bearer three');
    // Away for a moment: what is known is good until it is refused.
    rmSync(join(folder, 'token'));
    clock.advance(10_000);
    assert.equal(await bearer(), 'Bearer three');
    credentials.refused();
    await assert.rejects(bearer(), /ENOENT/);
  });

  it('says what is missing', async (t) => {
    const { folder, write } = account(t);
    await assert.rejects(InCluster.open({ folder, environment: {} }), /KUBERNETES_SERVICE_HOST is not set/);
    await assert.rejects(InCluster.open({ folder, environment }), /token: cannot be read \(ENOENT\)/);
    write('two lines\r\nx: y');
    await assert.rejects(InCluster.open({ folder, environment }), /is not a service account's token/);
  });
});

function kubeconfig(folder: string, server: KubeProtocolServer, user: Record<string, unknown>): string {
  const path = join(folder, 'kubeconfig');
  const authority = Buffer.from(server.certificate.caPem).toString('base64');
  const address = server.credentials.server.origin;
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'one', cluster: { server: `${address}/below`, 'certificate-authority-data': authority } },
      { name: 'plain', cluster: { server: 'http://127.0.0.1:1' } },
    ],
    users: [{ name: 'somebody', user }],
    contexts: [
      { name: 'kind-west', context: { cluster: 'one', user: 'somebody', namespace: 'mesh' } },
      { name: 'plain', context: { cluster: 'plain', user: 'somebody' } },
      { name: 'orphan', context: { cluster: 'one', user: 'nobody' } },
    ],
  };
  writeFileSync(path, stringify(config));
  return path;
}

describe('KubeClient.ofContext', () => {
  it('logs in as an exec plugin says, at the path that the server has', async (t) => {
    const server = await KubeProtocolServer.start(t);
    const folder = tempFolder(t);
    mkdirSync(join(folder, 'bin'));
    const plugin = join(folder, 'bin', 'login');
    const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential' };
    const said = JSON.stringify({ ...credential, status: { token: 'of-plugin' } });
    writeFileSync(plugin, `#!/bin/sh\necho '${said}'\n`);
    chmodSync(plugin, 0o755);
    const exec = { apiVersion: credential.apiVersion, command: plugin, interactiveMode: 'Never' };
    const path = kubeconfig(folder, server, { exec });
    const client = await KubeClient.ofContext({ kubeconfig: path, context: 'kind-west' });
    t.after(() => client.close());
    await client.get(NODES, { name: 'n' });
    assert.equal(client.namespace, 'mesh');
    assert.equal(server.requests[0]?.path, '/below/api/v1/nodes/n');
    assert.equal(server.requests[0]?.headers.authorization, 'Bearer of-plugin');
    writeFileSync(plugin, '#!/bin/sh\necho no network >&2; exit 1\n');
    const other = await KubeClient.ofContext({ kubeconfig: path, context: 'kind-west' });
    t.after(() => other.close());
    await assert.rejects(
      other.get(NODES, { name: 'n' }),
      /^UserError: context kind-west: cannot log in: no network$/,
    );
  });

  it('shows a client certificate', async (t) => {
    const server = await KubeProtocolServer.start(t);
    const { certificatePem, keyPem } = await serverCertificate();
    const user = {
      'client-certificate-data': Buffer.from(certificatePem).toString('base64'),
      'client-key-data': Buffer.from(keyPem).toString('base64'),
    };
    const path = kubeconfig(tempFolder(t), server, user);
    const client = await KubeClient.ofContext({ kubeconfig: path, context: 'kind-west' });
    t.after(() => client.close());
    await client.get(NODES, { name: 'n' });
    const [request] = server.requests;
    assert.equal(request?.certificateOf, 'server of a test');
    assert.equal(request?.headers.authorization, undefined);
  });

  it('says what is wrong with a kubeconfig', async (t) => {
    const server = await KubeProtocolServer.start(t);
    const folder = tempFolder(t);
    const path = kubeconfig(folder, server, { token: 't' });
    const open = (context?: string): Promise<KubeClient> =>
      KubeClient.ofContext({ kubeconfig: path, context });
    await assert.rejects(open('kind-wets'), (failure: { message: string; hint: string }) => {
      assert.match(failure.message, /there is no context kind-wets/);
      assert.match(failure.hint, /did you mean kind-west\? contexts: kind-west, plain, orphan/);
      return true;
    });
    await assert.rejects(open(), /no context is chosen/);
    await assert.rejects(open('plain'), /http:\/\/127.0.0.1:1 is no https:\/\/ address/);
    await assert.rejects(open('orphan'), /its user is not there/);
    const missing = { kubeconfig: join(folder, 'none') };
    await assert.rejects(KubeClient.ofContext(missing), /none: cannot be read as a kubeconfig/);
  });
});
