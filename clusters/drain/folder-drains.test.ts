import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { namedFolder } from '../../test/fixtures/cluster-plan.ts';
import { EAST_REPORT } from '../../test/fixtures/program-reports.ts';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { writeHomeFile } from '../folder/home-file.ts';
import { folderDrains } from './folder-drains.ts';

const ORDER = { sinceMs: Date.parse('2026-01-31T12:00:00Z'), overMs: 90_000 };
const programs = { askFederation: async () => EAST_REPORT };

async function east(t: TestContext) {
  const layout = await namedFolder(tempFolder(t));
  mkdirSync(layout.peers, { recursive: true });
  const peerFile = (name: string) => join(layout.peers, `${name}.yaml`);
  return { layout, peerFile, site: await folderDrains(layout.root, programs) };
}

describe('drains in a folder', () => {
  it('change nothing else of a file that a person wrote', async (t) => {
    const { peerFile, site } = await east(t);
    const text = `# ours since 2019
apiVersion: isthmus.io/v1alpha1
kind: ClusterPeer
metadata:
  name: west
spec:
  allowedNamespaces: [ shop ] # for now
`;
    writeFileSync(peerFile('west'), text);
    assert.equal(await site.order('west'), undefined);
    await site.write('west', ORDER);
    assert.deepEqual(await site.order('west'), ORDER);
    assert.equal(
      readFileSync(peerFile('west'), 'utf8'),
      `${text}  drain:\n    duration: 1m30s\n    since: 2026-01-31T12:00:00.000Z\n`,
    );
    await site.write('west', undefined);
    assert.equal(readFileSync(peerFile('west'), 'utf8'), text);
  });

  it('of the cluster itself make a file, and remove it', async (t) => {
    const { peerFile, site } = await east(t);
    await site.write('east', ORDER);
    assert.deepEqual(await site.order('east'), ORDER);
    await site.write('east', undefined);
    assert.equal(existsSync(peerFile('east')), false);
    await site.write('east', undefined);
  });

  it('leave a file that cannot be read as it is', async (t) => {
    const { peerFile, site } = await east(t);
    writeFileSync(peerFile('west'), 'kind: [');
    await assert.rejects(site.write('west', ORDER), { name: 'UserError' });
    assert.equal(readFileSync(peerFile('west'), 'utf8'), 'kind: [');
  });

  it('are not ordered in the working copy of a pod', async (t) => {
    const { layout } = await east(t);
    await writeHomeFile(layout, { federationFile: '/etc/isthmus/federation.yaml' });
    await assert.rejects(folderDrains(layout.root, programs), { name: 'UserError', exitCode: 2 });
  });
});
