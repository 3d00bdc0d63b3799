import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { tempFolder } from './fixtures/temp-folder.ts';

const root = join(import.meta.dirname, '..');

function isthmus(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [join(root, 'isthmus.js'), ...args], { encoding: 'utf8' });
}

describe('command line', () => {
  it('prints its version', () => {
    const manifest: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const { status, stdout } = isthmus('--version');
    assert.equal(status, 0);
    assert.equal(stdout, `${manifest.version}\n`);
  });

  it('lists what it can on stdout when asked to', () => {
    const { status, stdout, stderr } = isthmus('--help');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^Usage: isthmus /);
  });

  for (const args of [['no-such-command'], ['--no-such-option']]) {
    it(`ends with 2 and says what to do next after ${args.join(' ')}`, () => {
      const { status, stdout, stderr } = isthmus(...args);
      assert.equal(status, 2);
      assert.equal(stdout, '');
      assert.match(stderr, /^error: .*\n(.*\n)*hint: isthmus --help/);
      assert.doesNotMatch(stderr, /^ +at /m);
    });
  }

  for (const command of [
    ...['list', 'status', 'check', 'leave', 'invite west', 'join'].map((name) => `cluster ${name}`),
    ...['drain', 'undrain', 'forget'].map((name) => `cluster ${name} west`),
    ...['list', 'export shop/cart', 'unexport shop/cart'].map((name) => `service ${name}`),
    'why shop/cart',
  ]) {
    it(`is not about what is here where a kubeconfig is named: ${command}`, () => {
      const { status, stderr } = isthmus(...command.split(' '), '--kubeconfig', 'elsewhere');
      assert.match(stderr, /^error: --kubeconfig needs --context\nhint: name the context/);
      assert.equal(status, 2);
    });
  }

  it('removes nothing in other members where it is not the trust home that a context names', () => {
    const { status, stderr } = isthmus(...'cluster forget west --also-context north --yes'.split(' '));
    assert.match(stderr, /^error: --also-context needs --context\nhint: name the context/);
    assert.equal(status, 2);
  });

  it('says what to name where there is no kubeconfig, and where there is no folder', (t) => {
    const empty = tempFolder(t);
    const { KUBECONFIG: _none, ...env }: NodeJS.ProcessEnv = { ...process.env, HOME: empty };
    const run = (...args: string[]): string =>
      spawnSync(process.execPath, [join(root, 'isthmus.js'), ...args], { encoding: 'utf8', cwd: empty, env })
        .stderr;
    assert.match(
      run('cluster', 'check', '--context', 'east'),
      /^error: ~\/\.kube\/config: there is no kubeconfig\nhint: name one with --kubeconfig FILE/,
    );
    assert.match(
      run('cluster', 'list'),
      /\nhint: .* a Kubernetes cluster that runs the chart is named by --context\n/,
    );
  });

  it('shows an example and the exit codes for every command that does something', () => {
    let leaves = 0;
    const visit = (...path: string[]): void => {
      const { status, stdout, stderr } = isthmus(...path, '--help');
      assert.equal(status, 0, stderr);
      assert.match(stdout, /^Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a check found something$/m);
      const listed = /^Commands:\n((?: {2}.*\n)+)/m.exec(stdout)?.[1] ?? '';
      const children = [...listed.matchAll(/^ {2}([a-z-]+)/gm)]
        .map(([, name = '']) => name)
        .filter((name) => name !== 'help');
      for (const child of children) visit(...path, child);
      if (children.length > 0) return;
      leaves += 1;
      const example = new RegExp(`^Examples?:\\n(.*\\n)*? *isthmus ${path.join(' ')}`, 'm');
      assert.match(stdout, example, path.join(' '));
    };
    visit();
    assert.ok(leaves >= 15, `${leaves}`);
  });
});
