import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { tempFolder } from '../test/fixtures/temp-folder.ts';
import { loadFederationConfig, loadFederationFile } from './config.ts';
import { readStoreAccess } from './store-access.ts';

const SMALL = `cluster: east
clusterset: mesh.example
locality: { region: eu, zone: eu-a }
gateways: ["10.0.0.1:15443", "[fd00::1]:15443"]
listen: { port: 15010 }
gatewaySecretFile: secrets/gateway-secret
store: { kind: memory, address: "127.0.0.1:15990" }
`;

async function load(t: TestContext, text: string) {
  const folder = tempFolder(t);
  const path = join(folder, 'federation.yaml');
  await writeFile(path, text);
  return { folder, config: await loadFederationConfig(path) };
}

describe('federation.yaml', () => {
  it('has defaults, and paths beside the file', async (t) => {
    const { folder, config } = await load(t, SMALL);
    assert.deepEqual(config.local, {
      name: 'east',
      clusterset: 'mesh.example',
      trustDomain: 'east.mesh.example',
      locality: { region: 'eu', zone: 'eu-a' },
    });
    assert.equal(config.trustFolder, join(folder, 'trust'));
    assert.equal(config.servicePortsFile, join(folder, 'state/federation/ports.json'));
    assert.deepEqual(config.servicePorts, { from: 15_500, to: 32_767 });
    assert.deepEqual(config.listen, { host: '127.0.0.1', port: 15_010 });
    assert.deepEqual(config.limits, {
      maxConnections: 1000,
      maxUnauthenticated: 250,
      maxUnauthenticatedPerSource: 50,
    });
    assert.deepEqual(config.gateways, [
      { host: '10.0.0.1', port: 15_443 },
      { host: 'fd00::1', port: 15_443 },
    ]);
  });

  it('may say which network the pods are in', async (t) => {
    assert.equal((await load(t, SMALL)).config.network, undefined);
    assert.equal((await load(t, `${SMALL}network: lan\n`)).config.network, 'lan');
    await assert.rejects(load(t, `${SMALL}network: ""\n`), /network: must not be empty/);
  });

  it('needs no section for Kubernetes', async (t) => {
    const { folder, config } = await load(t, SMALL);
    assert.deepEqual(await loadFederationFile(join(folder, 'federation.yaml')), { kind: 'folder', config });
  });

  it('bounds connections, and keeps some for gateways that have authenticated', async (t) => {
    const { config } = await load(t, `${SMALL}limits: { maxUnauthenticatedPerSource: 5 }\n`);
    assert.deepEqual(config.limits, {
      maxConnections: 1000,
      maxUnauthenticated: 250,
      maxUnauthenticatedPerSource: 5,
    });
    await assert.rejects(load(t, `${SMALL}limits: { maxConnections: 250 }\n`), {
      name: 'UserError',
      message: /limits\.maxUnauthenticated.*must be less than maxConnections/,
    });
  });

  it('names its store, whose secrets are read from their files', async (t) => {
    const { folder, config } = await load(
      t,
      SMALL.replace(
        /store: .*/,
        'store: { kind: redis, urls: ["rediss://r:6379"], username: u, passwordFile: pw, caFile: ca.pem }',
      ),
    );
    await writeFile(join(folder, 'pw'), 'secret\n');
    await writeFile(join(folder, 'ca.pem'), 'PEM');
    assert.deepEqual(await readStoreAccess(config.store), {
      kind: 'redis',
      urls: ['rediss://r:6379'],
      username: 'u',
      password: 'secret',
      caPem: 'PEM',
      sentinel: undefined,
      cluster: false,
    });
  });

  const mistakes: readonly (readonly [string, string | RegExp, string, RegExp])[] = [
    ['a port out of range', '15010', '70000', /federation\.yaml:5: .*65535/],
    ['a gateway without a port', '"10.0.0.1:15443"', '"10.0.0.1"', /federation\.yaml:4: .*HOST:PORT/],
    ['a cluster that is no label', 'cluster: east', 'cluster: East_1', /federation\.yaml:1: .*DNS label/],
    ['an unknown key', 'listen:', 'listens:', /federation\.yaml:5: .*listens/],
    [
      'a password in a URL',
      /store: .*/,
      'store: { kind: redis, urls: ["redis://u:p@h"] }',
      /:7: .*without user/,
    ],
    ['another kind of store', 'kind: memory', 'kind: etcd', /federation\.yaml:7: /],
    [
      'an admin endpoint for everybody',
      'store:',
      'admin: { host: 0.0.0.0, port: 1 }\nstore:',
      /:7: .*loopback/,
    ],
    [
      'ports from high to low',
      'store:',
      'servicePorts: { from: 20, to: 10 }\nstore:',
      /:7: .*from must not be/,
    ],
  ];
  for (const [what, found, replacement, message] of mistakes) {
    it(`is refused by line: ${what}`, async (t) => {
      await assert.rejects(load(t, SMALL.replace(found, replacement)), { name: 'UserError', message });
    });
  }
});
