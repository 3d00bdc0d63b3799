import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { UserError } from '../federation/model/user-error.ts';
import { tempFolder } from '../test/fixtures/temp-folder.ts';
import { readPeerFile, writePeerFile } from './peer-file.ts';

const WEST = { cluster: 'west', trustDomain: 'west.mesh.example', gateways: ['west.example:15443'] };

test('a member that joins again is drained as it was before', async (t) => {
  const layout = { peers: join(tempFolder(t), 'peers') };
  await writePeerFile(layout, WEST);
  const file = join(layout.peers, 'west.yaml');
  const drain = '  drain: { duration: 1m30s, since: "2026-01-31T12:00:00Z" }\n';
  await writeFile(file, `${await readFile(file, 'utf8')}${drain}`);
  await writePeerFile(layout, WEST);
  assert.deepEqual((await readPeerFile(layout, 'west'))?.spec.drain, {
    duration: 90_000,
    since: '2026-01-31T12:00:00Z',
  });
});

test('a member that joins again is allowed what it was allowed before', async (t) => {
  const layout = { peers: join(tempFolder(t), 'peers') };
  assert.equal(await readPeerFile(layout, 'west'), undefined);
  await writePeerFile(layout, WEST);
  const file = join(layout.peers, 'west.yaml');
  await writeFile(file, `${await readFile(file, 'utf8')}  allowedNamespaces: [shop]\n`);
  await writePeerFile(layout, { ...WEST, gateways: ['west.example:15444'] });
  assert.deepEqual((await readPeerFile(layout, 'west'))?.spec, {
    trustDomain: 'west.mesh.example',
    gateways: ['west.example:15444'],
    allowedNamespaces: ['shop'],
  });
});

test('a peer file that cannot be read is not replaced', async (t) => {
  const layout = { peers: tempFolder(t) };
  await mkdir(layout.peers, { recursive: true });
  const text =
    'apiVersion: isthmus.io/v1alpha1\nkind: ClusterPeer\nmetadata: { name: west }\nspec: { allowedNamespace: [shop] }\n';
  for (const broken of [text, 'kind: [', `${text.replace('Namespace', 'Namespaces')}---\nkind: Service\n`]) {
    await writeFile(join(layout.peers, 'west.yaml'), broken);
    await assert.rejects(writePeerFile(layout, WEST), UserError);
    assert.equal(await readFile(join(layout.peers, 'west.yaml'), 'utf8'), broken);
  }
});
