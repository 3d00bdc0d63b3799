import { request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { UserError } from '../../federation/model/user-error.ts';
import type { GroupedProcess } from './process-group.ts';

const POLL_MS = 25;

/** Whether somebody listens there. */
export function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Whether an admin endpoint says that its process is ready. */
export function ready(host: string, adminPort: number): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ host, port: adminPort, path: '/readyz' }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200));
    });
    asked.on('error', () => resolve(false));
    asked.end();
  });
}

/** Resolves when a started process listens. @throws UserError naming its log when it ends first, or never does. */
export async function untilListening(
  started: GroupedProcess,
  host: string,
  port: number,
  start: { readonly log: string; readonly timeoutMs: number },
): Promise<void> {
  const deadlineMs = Date.now() + start.timeoutMs;
  while (!(await accepts(host, port))) {
    if (!started.running || Date.now() > deadlineMs) {
      throw new UserError(`${started.name} did not start on ${host}:${port}`, { hint: `see ${start.log}` });
    }
    await pause(POLL_MS);
  }
}
