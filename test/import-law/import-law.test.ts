import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { importLawViolations } from './law.ts';
import { importLaw } from './table.ts';

const root = join(import.meta.dirname, '..', '..');

/** What the law says about a small tree, one line per breach. */
function violationsOf(t: TestContext, files: Readonly<Record<string, string>>): string[] {
  const folder = tempFolder(t);
  const manifest = { dependencies: { ioredis: '1', pino: '1' }, devDependencies: { 'fast-check': '1' } };
  const tree = { 'package.json': JSON.stringify(manifest), ...files };
  for (const [path, text] of Object.entries(tree)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return importLawViolations(folder).map(({ path, line, rule }) => `${path}:${line}: ${rule}`);
}

/** A tree in which `path` holds `text`, beside one file of each part to import. */
function treeWith(path: string, text: string): Record<string, string> {
  const parts = [
    'federation/model/value.ts',
    'federation/runtime/value.ts',
    'federation/failover/value.ts',
    'federation/wire/value.ts',
    'federation/store/value.ts',
    'trust/value.ts',
    'clusters/value.ts',
    'clusters/demo/value.ts',
    'gateway/value.ts',
    'gateway/command.ts',
    'test/fixtures/value.ts',
    'test/other/value.ts',
  ];
  return { ...Object.fromEntries(parts.map((part) => [part, 'export const value = 1;\n'])), [path]: text };
}

describe('import law', () => {
  it('is kept by the project', () => {
    assert.deepEqual(importLawViolations(root), []);
  });

  it('has one row for each place', () => {
    const paths = importLaw.map(({ path }) => path);
    assert.deepEqual(paths, [...new Set(paths)]);
  });

  const allowed: readonly (readonly [string, string])[] = [
    ['federation/failover/a.ts', `import { value } from '../model/value.ts';`],
    ['gateway/a.ts', `export { value } from '../federation/wire/value.ts';\nimport pino from 'pino';`],
    ['federation/a.ts', `import type { value } from '../clusters/value.ts';`],
    ['federation/store/a.ts', `import { Redis } from 'ioredis';`],
    ['trust/command.ts', `import { value } from '../gateway/value.ts';`],
    ['cli.ts', `await import('./gateway/command.ts');`],
    ['clusters/command-line/a.ts', `import '../demo/value.ts';`],
    ['clusters/demo/a.ts', `import '../../gateway/value.ts';`],
    ['test/bench/a.ts', `import '../../gateway/value.ts';\nimport 'node:http2';\nimport 'fast-check';`],
    [
      'federation/model/a.test.ts',
      `import 'node:test';\nimport 'fast-check';\nimport '../../test/fixtures/value.ts';`,
    ],
  ];
  for (const [path, text] of allowed) {
    it(`lets ${path} say ${text.replaceAll('\n', ' ')}`, (t) => {
      assert.deepEqual(violationsOf(t, treeWith(path, text)), []);
    });
  }

  const refused: readonly (readonly [string, string, RegExp])[] = [
    [
      'federation/model/a.ts',
      `\nimport type { value } from '../runtime/value.ts';`,
      /a\.ts:2: model may import nothing/,
    ],
    ['federation/model/a.ts', `import 'node:fs';`, /model imports nothing of Node/],
    ['federation/runtime/a.ts', `import 'pino';`, /may use nothing, not pino/],
    ['federation/failover/a.ts', `import '../wire/value.ts';`, /failover may import only model, not wire/],
    ['trust/a.ts', `export * from '../clusters/value.ts';`, /not clusters/],
    ['gateway/a.ts', `const a = await import('../clusters/value.ts');`, /not clusters/],
    ['gateway/a.ts', `type A = import('../clusters/value.ts').A;`, /not clusters/],
    ['gateway/a.ts', `export type { A } from '../federation/store/value.ts';`, /not federation/],
    ['federation/a.ts', `import { type A } from '../clusters/value.ts';`, /only types: import type/],
    ['federation/a.ts', `import 'ioredis';`, /federation may use only .*, not ioredis/],
    ['gateway/a.ts', `import 'node:http2';`, /gateway must not use node:http2/],
    ['gateway/a.ts', `import '../test/fixtures/value.ts';`, /only tests may import/],
    ['gateway/a.test.ts', `import '../test/other/value.ts';`, /test is imported by nobody/],
    ['test/a.test.ts', `import '../gateway/command.ts';`, /imported only by cli\.ts/],
    ['clusters/command.ts', `import '../gateway/command.ts';`, /imported only by cli\.ts/],
    ['clusters/a.ts', `import './demo/value.ts';`, /imported only by clusters\/command-line/],
    ['gateway/a.ts', `import 'fast-check';`, /does not list fast-check as a dependency/],
    ['test/a.ts', `import 'lodash/get.js';`, /does not list lodash/],
    ['gateway/a.ts', `import './gone.ts';`, /gateway\/gone\.ts is not there/],
    ['gateway/a.ts', `const name = './value.ts'; await import(name);`, /computed import/],
    ['elsewhere/a.ts', '', /no row for this place/],
  ];
  for (const [path, text, rule] of refused) {
    it(`refuses in ${path}: ${text.trim() || '(anything)'}`, (t) => {
      const violations = violationsOf(t, treeWith(path, text));
      assert.equal(violations.length, 1, violations.join('\n'));
      assert.match(violations[0] ?? '', rule);
    });
  }

  it('finds import cycles, those of types alone included', (t) => {
    const violations = violationsOf(t, {
      'trust/a.ts': `import type { B } from './b.ts';`,
      'trust/b.ts': `export * from './c.ts';`,
      'trust/c.ts': `type A = import('./a.ts').A;`,
      'trust/d.ts': `import './a.ts';`,
    });
    assert.deepEqual(violations, [
      'trust/a.ts:1: import cycle: trust/a.ts → trust/b.ts → trust/c.ts → trust/a.ts',
    ]);
  });
});
