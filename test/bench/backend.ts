import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lifetime } from '../../federation/runtime/lifetime.ts';
import { freePort } from '../fixtures/ephemeral-port.ts';
import { startServer } from './program.ts';
import type { Scenario } from './scenario.ts';
import type { Workspace } from './workspace.ts';

/** What answers behind west: the same nginx for all engines. */
export interface Backend {
  readonly http1Port: number;
  readonly http2Port: number;
}

const BODY = '0123456789abcdef'.repeat(8);
const KIB = 1024;
const MIB = 1024 * KIB;

/** By the path at which nginx serves them. */
const FILES: ReadonlyMap<string, number> = new Map([
  ['/files/16k', 16 * KIB],
  ['/files/1m', MIB],
  ['/files/100m', 100 * MIB],
]);

export async function startBackend(place: {
  readonly lifetime: Lifetime;
  readonly workspace: Workspace;
  readonly nginx: string;
  readonly scenario: Scenario;
}): Promise<Backend> {
  const { lifetime, workspace, nginx, scenario } = place;
  const backend = { http1Port: await freePort(), http2Port: await freePort() };
  writeFile(workspace, scenario.path);
  const values = { HTTP1_PORT: backend.http1Port, HTTP2_PORT: backend.http2Port, BODY };
  const config = workspace.fill('nginx.conf', values);
  await startServer(lifetime, nginx, ['-c', config], backend.http1Port);
  return backend;
}

/** The size of a response's body. */
export function bodyBytes(path: string): number {
  return FILES.get(path) ?? BODY.length;
}

export function backendPort(scenario: Scenario, backend: Backend): number {
  return scenario.protocol === 'h1' ? backend.http1Port : backend.http2Port;
}

function writeFile(workspace: Workspace, path: string): void {
  const bytes = FILES.get(path);
  if (bytes === undefined) return;
  mkdirSync(join(workspace.folder, 'files'));
  writeFileSync(join(workspace.folder, path), Buffer.alloc(bytes, BODY));
}
