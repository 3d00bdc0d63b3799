import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { tempFolder } from '../test/fixtures/temp-folder.ts';
import { loadFederationFile } from './config.ts';

const SMALL = 'cluster: east\nlisten: { host: 0.0.0.0, port: 15010 }\nkubernetes: {}\n';

async function load(t: TestContext, text: string) {
  const folder = tempFolder(t);
  const path = join(folder, 'federation.yaml');
  await writeFile(path, text);
  return { folder, file: await loadFederationFile(path) };
}

describe('federation.yaml in Kubernetes', () => {
  it('needs a name, a port and the section', async (t) => {
    const { folder, file } = await load(t, SMALL);
    assert.ok(file.kind === 'kubernetes');
    const { cluster, kubernetes, listen, stateFolder } = file.config;
    assert.deepEqual([cluster, listen.port], ['east', 15_010]);
    assert.equal(stateFolder, join(folder, 'state/federation'));
    assert.deepEqual(kubernetes, {
      namespace: undefined,
      kubeconfig: undefined,
      context: undefined,
      advertise: undefined,
      folder: join(folder, 'member'),
      clustersetConfigMap: 'isthmus-clusterset',
      membershipSecret: 'isthmus-membership',
      invitesSecret: 'isthmus-invites',
      storeUsersSecret: undefined,
      gatewayServiceAccount: 'isthmus-gateway',
      tokenAudience: 'isthmus',
      gatewayService: 'isthmus-gateway',
      gatewayPortName: 'mesh',
      electionLease: 'isthmus-federation',
      portsConfigMap: 'isthmus-ports',
    });
  });

  for (const [change, message] of [
    ['clusterset: mesh.example\n', /federation\.yaml:4: clusterset: unknown key/],
    ['store: { kind: memory }\n', /store: unknown key/],
  ] as const) {
    it(`says that ${change.trim()} is the cluster's to say`, async (t) => {
      await assert.rejects(load(t, `${SMALL}${change}`), { name: 'UserError', message });
    });
  }

  it('takes Kubernetes names only, and addresses with ports', async (t) => {
    const wrong = SMALL.replace('kubernetes: {}', 'kubernetes: { membershipSecret: Not_A_Name }');
    await assert.rejects(load(t, wrong), { name: 'UserError', message: /must be a Kubernetes name/ });
    const portless = SMALL.replace('kubernetes: {}', 'kubernetes: { advertise: [east.example] }');
    await assert.rejects(load(t, portless), { name: 'UserError', message: /must be HOST:PORT/ });
  });
});
