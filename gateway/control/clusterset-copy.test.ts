import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { ClustersetCopy, type ClustersetFacts } from './clusterset-copy.ts';

const FACTS: ClustersetFacts = {
  cluster: 'east',
  clusterset: 'mesh.example',
  locality: { region: 'eu', zone: 'eu-a' },
  bundle: '{"keys":[]}',
};

describe('what a gateway was told of its membership', () => {
  it('is on disk for the next start', async (t) => {
    const folder = tempFolder(t);
    const copy = await ClustersetCopy.open(folder, 'east');
    assert.equal(copy.facts, undefined);
    assert.equal(await copy.take(FACTS), 'same');
    const next = await ClustersetCopy.open(folder, 'east');
    assert.deepEqual(next.facts, FACTS);
    assert.equal(readFileSync(next.bundleFile, 'utf8'), FACTS.bundle);
    assert.equal(next.local(FACTS).trustDomain, 'east.mesh.example');
  });

  it('is the same membership with another bundle, and another with another clusterset', async (t) => {
    const copy = await ClustersetCopy.open(tempFolder(t), 'east');
    await copy.take(FACTS);
    assert.equal(await copy.take({ ...FACTS, bundle: '{"keys":[1]}' }), 'same');
    assert.equal(readFileSync(copy.bundleFile, 'utf8'), '{"keys":[1]}');
    assert.equal(await copy.take({ ...FACTS, clusterset: 'other.example' }), 'other');
    assert.equal(await copy.take({ ...FACTS, clusterset: 'other.example' }), 'same');
  });

  it('is not taken where it cannot be one, and what was there stays', async (t) => {
    const copy = await ClustersetCopy.open(tempFolder(t), 'east');
    await copy.take(FACTS);
    for (const wrong of [{ cluster: '../east' }, { clusterset: 'Not A Domain' }, { bundle: '' }]) {
      assert.equal(await copy.take({ ...FACTS, ...wrong }), 'unusable');
    }
    assert.deepEqual(copy.facts, FACTS);
  });

  it('is none of a gateway whose cluster is called otherwise, and does not keep that from a membership', async (t) => {
    const folder = tempFolder(t);
    await (await ClustersetCopy.open(folder, 'east')).take(FACTS);
    const renamed = await ClustersetCopy.open(folder, 'west');
    assert.equal(renamed.facts, undefined);
    assert.equal(await renamed.take({ ...FACTS, cluster: 'west' }), 'same');
  });

  it('is none where the copy is damaged', async (t) => {
    const folder = tempFolder(t);
    for (const text of ['', '{', '{"cluster":"east"}']) {
      writeFileSync(join(folder, 'clusterset.json'), text);
      assert.equal((await ClustersetCopy.open(folder, 'east')).facts, undefined);
    }
  });
});
