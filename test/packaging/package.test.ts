import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TourReport } from '../../clusters/demo/report.ts';
import { filesBelow } from '../fixtures/source-tree.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { packProject, run } from './packed-project.ts';

const root = join(import.meta.dirname, '..', '..');

describe('package', () => {
  const folder = tempFolder({ after });
  const installed = join(folder, 'installed');
  const command = join(installed, 'node_modules', '.bin', 'isthmus');

  before(() => {
    const tarball = packProject(join(folder, 'source'), join(folder, 'packed'));
    install(tarball, installed);
  });

  it('ships the launcher, what was built, and no sources or tests', () => {
    const files = filesBelow(join(installed, 'node_modules', 'isthmus'));
    for (const needed of ['isthmus.js', 'package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']) {
      assert.ok(files.includes(needed), `${needed} is not in the package`);
    }
    assert.deepEqual(
      files.filter((path) => path.endsWith('.ts') || path.includes('.test.')),
      [],
    );
    assert.ok(readdirSync(join(installed, 'node_modules', 'isthmus', 'dist')).includes('cli.js'));
  });

  it('runs the installed command, which knows its version', () => {
    const manifest: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    assert.equal(run(command, ['--version'], installed).trim(), manifest.version);
  });

  it('runs a short demo from what was installed: a cluster is lost, and no idempotent request fails', () => {
    const output = run(command, ['demo', '--json', '--seconds', '24'], installed);
    const report: TourReport = JSON.parse(output.trim().split('\n').at(-1) ?? '');
    assert.equal(report.failed, 0);
    assert.ok(report.requests > 5_000, `${report.requests} requests`);
    assert.deepEqual(
      report.failbackSteps.map(({ share }) => share),
      [10, 25, 50, 100],
    );
  });
});

function install(tarball: string, into: string): void {
  mkdirSync(into);
  writeFileSync(join(into, 'package.json'), '{"private":true}');
  run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--silent', tarball], into);
}
