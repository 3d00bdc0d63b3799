import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { houseRuleBreaches } from './rules.ts';

const root = join(import.meta.dirname, '..', '..');

const longFunction = `function long() {\n${'  run();\n'.repeat(60)}}`;
// Put together here, for these tests are read by the rules as well.
const promise = `// ${'TO'}${'DO'} later`;
const suppression = `// @ts-${'ignore'}`;

function firstLine(text: string): string {
  return text.trim().split('\n')[0] || '(anything)';
}

describe('house rules', () => {
  it('are kept by the project', () => {
    assert.deepEqual(houseRuleBreaches(root), []);
  });

  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['gateway/utils.ts', 'export const a = 1;', /:1: a file is named after what is in it/],
    ['gateway/a.ts', '// line\n'.repeat(401), /:1: 401 lines; a file has at most 400/],
    ['gateway/a.ts', `\n${longFunction}`, /:2: 62 lines; a function has at most 60/],
    ['gateway/a.ts', `export * from './b.ts';\nexport { c } from './c.ts';`, /a barrel/],
    ['gateway/a.ts', 'export let count = 0;', /mutable state/],
    ['gateway/a.ts', 'const seen = new Map<string, number>();', /mutable state/],
    ['gateway/a.ts', 'const seen: string[] = [];', /mutable state/],
    ['gateway/a.ts', 'export function a(b: any[]): void {}', /any: say unknown/],
    ['gateway/a.ts', suppression, /satisfy the compiler/],
    ['gateway/a.ts', promise, /do it, or leave it out/],
    ['gateway/a.ts', 'try { run(); } catch {}', /swallowed/],
    ['gateway/a.ts', 'run().catch(() => {});', /swallowed/],
    ['gateway/a.test.ts', `it.skip('works', () => {});`, /every test runs/],
    ['gateway/a.test.ts', `describe.only('works', () => {});`, /every test runs/],
    ['gateway/a.test.ts', `it('works', { skip: 'slow' }, () => {});`, /every test runs/],
    ['test/a.test.ts', `it('works', (t) => t.skip());`, /every test runs/],
    ['gateway/a.ts', `fork(join(import.meta.dirname, 'worker.ts'));`, /import\.meta\.filename/],
    ['gateway/a.ts', `new URL(\`\${folder}/worker.ts\`);`, /import\.meta\.filename/],
    ['elsewhere/a.ts', '', /not one of the folders/],
    ['trust/a.ts', '', /trust: no README\.md/],
  ];
  for (const [path, text, rule] of refused) {
    it(`refuse in ${path}: ${firstLine(text)}`, (t) => {
      const folder = tempFolder(t);
      const files = { 'gateway/README.md': '', 'test/README.md': '', [path]: text };
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, name)), { recursive: true });
        writeFileSync(join(folder, name), content);
      }
      const breaches = houseRuleBreaches(folder);
      assert.equal(breaches.length, 1, breaches.join('\n'));
      assert.match(breaches[0] ?? '', rule);
    });
  }

  const allowed: readonly string[] = [
    `try { run(); } catch {\n  // Gone already, which is what we want.\n}`,
    'const names: ReadonlyMap<string, string> = new Map();',
    `import type { A } from './b.ts';\nexport { b } from './b.ts';`,
    `describe('all', () => {\n${'  it("works", run);\n'.repeat(80)}});`,
    `it('works', { skip: missingTools('curl') }, run);`,
  ];
  for (const text of allowed) {
    it(`allow ${firstLine(text)}`, (t) => {
      const folder = tempFolder(t);
      mkdirSync(join(folder, 'gateway'));
      writeFileSync(join(folder, 'gateway', 'README.md'), '');
      writeFileSync(join(folder, 'gateway', 'a.test.ts'), text);
      assert.deepEqual(houseRuleBreaches(folder), []);
    });
  }
});
