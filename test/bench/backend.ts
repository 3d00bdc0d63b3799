import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lifetime } from '../../federation/runtime/lifetime.ts';
import { freePort } from '../fixtures/ephemeral-port.ts';
import { startServer } from './program.ts';
import type { ClientProtocol, Scenario } from './scenario.ts';
import type { Workspace } from './workspace.ts';

/** The port of what answers behind west, the same for all engines: nginx for HTTP, an echo for gRPC and TCP. */
export type Backend = Readonly<Record<ClientProtocol, number>>;

const ECHO = join(import.meta.dirname, 'echo-backend.ts');
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
  const [h1, h2, grpc, tcp] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const backend = { h1, h2, grpc, tcp };
  if (scenario.protocol === 'h2') writeFiles(workspace);
  const config = workspace.fill('nginx.conf', { HTTP1_PORT: h1, HTTP2_PORT: h2, BODY });
  await startServer(lifetime, nginx, ['-c', config], h1);
  await startServer(lifetime, process.execPath, [ECHO, String(grpc), String(tcp)], tcp);
  return backend;
}

/** The size of a response's body. */
export function responseBytes({ path, bodyBytes }: Scenario): number {
  return bodyBytes > 0 ? bodyBytes : (FILES.get(path) ?? BODY.length);
}

function writeFiles({ folder }: Workspace): void {
  mkdirSync(join(folder, 'files'));
  for (const [path, bytes] of FILES) writeFileSync(join(folder, path), Buffer.alloc(bytes, BODY));
}
