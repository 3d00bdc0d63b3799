import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { tempFolder } from '../../test/fixtures/temp-folder.ts';
import { writeHomeFile } from '../folder/home-file.ts';
import { chosenStore, releaseStore } from './release-store.ts';

const REDIS = 'rediss://redis.example:6379';

async function folderOf(t: TestContext, storeYaml: string | undefined): Promise<string> {
  const root = tempFolder(t);
  await writeHomeFile({ root }, { federationFile: join(root, 'federation.yaml') });
  if (storeYaml !== undefined) writeFileSync(join(root, 'store.yaml'), storeYaml);
  return root;
}

describe('store of a release', () => {
  it('is what the chart wrote beside federation.yaml', async (t) => {
    const root = await folderOf(t, `store: [${REDIS}]\nstoreAdminUser: admin\nstoreCa: /ca.crt\n`);
    const found = await releaseStore(root);
    assert.deepEqual(found, { store: [REDIS], storeAdminUser: 'admin', storeCa: '/ca.crt' });
    assert.deepEqual(chosenStore({}, found), found);
  });

  it('does not count where the command line names one', async (t) => {
    const found = await releaseStore(await folderOf(t, `store: [${REDIS}]\nstoreAdminUser: admin\n`));
    assert.deepEqual(chosenStore({ store: ['memory://a:1'] }, found), { store: ['memory://a:1'] });
  });

  for (const [what, storeYaml] of [
    ['no file', undefined],
    ['none in the file', 'store: []\n'],
  ] as const) {
    it(`is missed where there is ${what}`, async (t) => {
      const found = await releaseStore(await folderOf(t, storeYaml));
      assert.throws(() => chosenStore({}, found), /--store <url>' not specified/);
    });
  }

  it('is not looked for outside Kubernetes', async (t) => {
    assert.equal(await releaseStore(tempFolder(t)), undefined);
  });

  it('names a mistake by file and line', async (t) => {
    const root = await folderOf(t, `store: [${REDIS}]\npassword: secret\n`);
    await assert.rejects(releaseStore(root), /store\.yaml:2: password: unknown key/);
  });
});
