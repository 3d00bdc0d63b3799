import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { accepts } from '../../clusters/demo/probe.ts';
import type { Lifetime } from '../../federation/runtime/lifetime.ts';

const execute = promisify(execFile);
const GRACE_MS = 5_000;

/** Runs a program to its end. @throws when it fails, with what it said. */
export async function run(path: string, args: readonly string[], timeoutMs = 0): Promise<string> {
  const { stdout } = await execute(path, args, { maxBuffer: 64 * 1024 * 1024, timeout: timeoutMs });
  return stdout;
}

/** Starts a server that lives as long as `lifetime`, and waits until it listens on `port`; `stdout` is a file's. */
export async function startServer(
  lifetime: Lifetime,
  path: string,
  args: readonly string[],
  port: number,
  stdout: 'ignore' | number = 'ignore',
): Promise<ChildProcess> {
  const server = spawn(path, args, { stdio: ['ignore', stdout, 'pipe'] });
  let said = '';
  server.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8');
  });
  lifetime.add(() => end(server));
  for (let attempt = 0; attempt < 200; attempt++) {
    if (server.exitCode !== null) throw new Error(`${path} ended: ${said}`);
    if (await accepts('127.0.0.1', port)) return server;
    await sleep(50);
  }
  throw new Error(`${path} does not listen on port ${port}: ${said}`);
}

/** Asks first: a killed nginx leaves its worker behind, which holds our end of the pipe open for ever. */
async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, 'exit');
  server.kill('SIGTERM');
  const impatience = setTimeout(() => server.kill('SIGKILL'), GRACE_MS);
  await exited;
  clearTimeout(impatience);
}
