import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
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
