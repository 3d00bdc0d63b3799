import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { generatedFiles } from '../clusters/crds/generated-files.ts';
import { CRD_FOLDER, copyPath, sha256, thirdPartyModules } from '../clusters/crds/third-party.ts';
import { filesBelow } from './fixtures/source-tree.ts';
import { tempFolder } from './fixtures/temp-folder.ts';

const OUT = 'federation/wire/gen';
const root = join(import.meta.dirname, '..');

it('has the code that `npm run generate` makes of the schema', (t) => {
  const folder = tempFolder(t);
  const schema = ['federation/wire', '--template', 'federation/wire/buf.gen.yaml'];
  execFileSync('buf', ['generate', ...schema, '--output', folder], {
    cwd: root,
    env: { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}:${process.env.PATH}` },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  const generated = filesBelow(folder);
  assert.ok(generated.length > 0, 'nothing was generated');
  const kept = filesBelow(join(root, OUT)).filter((path) => path !== 'README.md');
  for (const path of kept)
    assert.ok(generated.includes(join(OUT, path)), `nothing makes ${OUT}/${path}: remove it`);
  for (const path of generated) {
    const current = readFileSync(join(root, path), 'utf8');
    assert.equal(current, readFileSync(join(folder, path), 'utf8'), `${path} is old: npm run generate`);
  }
});

it('has the CustomResourceDefinitions that `npm run generate` makes of the schemas, and the copies of others', () => {
  const made = generatedFiles();
  for (const [path, text] of made) {
    assert.equal(readFileSync(join(root, path), 'utf8'), text, `${path} is old: npm run generate`);
  }
  const copies = thirdPartyModules().flatMap((module) =>
    Object.entries(module.files).map(([path, hash]) => [copyPath(module, path), hash] as const),
  );
  assert.ok(copies.length > 0, 'there are copies');
  for (const [path, hash] of copies) {
    assert.equal(sha256(readFileSync(join(root, path))), hash, `${path} is not the copy that was recorded`);
  }
  const known = new Set([...made.keys(), ...copies.map(([path]) => path)]);
  for (const path of filesBelow(join(root, CRD_FOLDER)).map((below) => join(CRD_FOLDER, below))) {
    assert.ok(known.has(path), `nothing makes ${path}: remove it`);
  }
});
