import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { filesBelow } from '../fixtures/source-tree.ts';

const root = join(import.meta.dirname, '..', '..');

/** Packs a copy of the tree: a build in the tree itself would take files from under tests that run beside it. */
export function packProject(source: string, destination: string): string {
  for (const path of filesBelow(root)) {
    mkdirSync(dirname(join(source, path)), { recursive: true });
    cpSync(join(root, path), join(source, path));
  }
  symlinkSync(join(root, 'node_modules'), join(source, 'node_modules'));
  mkdirSync(destination);
  run('npm', ['pack', '--silent', '--pack-destination', destination], source);
  const [tarball] = readdirSync(destination);
  if (tarball === undefined) throw new Error('npm pack wrote no tarball');
  return join(destination, tarball);
}

/** What the command prints; its complaints are shown if it fails. */
export function run(file: string, args: readonly string[], cwd: string): string {
  return execFileSync(file, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
