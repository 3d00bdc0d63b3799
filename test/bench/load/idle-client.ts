import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import { AUTHORITY } from '../scenario.ts';
import { percentile } from '../statistics.ts';
import { clientTls } from './client-tls.ts';

/**
 * What `node idle-client.ts SPEC` does: makes the gateway warm and closes what that took, then opens connections up to
 * each count. After each step it waits for its parent.
 */
export interface IdleSpec {
  readonly port: number;
  /** The folder of the keys; undefined = plaintext. */
  readonly pki: string | undefined;
  /** So many connections at once, with so many requests on each, one after the other. */
  readonly warm: { readonly connections: number; readonly requests: number };
  readonly counts: readonly number[];
}

export interface IdleMessage {
  /** 0 = it is warm. */
  readonly wanted: number;
  readonly open: number;
  /** Never opened, not answered with 200, or closed since, here and at the counts before. */
  readonly failed: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const AT_ONCE = 16;
const REQUEST = `GET / HTTP/1.1\r\nHost: ${AUTHORITY}\r\n\r\n`;

/** Opens one, makes its requests, and leaves it open; false = they were not all answered. */
function open(dial: () => Socket, sockets: Set<Socket>, requests: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dial();
    let answer = '';
    let left = requests;
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
      if (!answer.endsWith('89abcdef')) return;
      const ok = answer.startsWith('HTTP/1.1 200');
      answer = '';
      left--;
      if (ok && left > 0) socket.write(REQUEST);
      else {
        if (ok) sockets.add(socket);
        resolve(ok);
      }
    });
    socket.on('error', () => resolve(false));
    socket.on('close', () => {
      sockets.delete(socket);
      resolve(false);
    });
    socket.write(REQUEST);
  });
}

function dialler({ port, pki }: IdleSpec): () => Socket {
  if (pki === undefined) return () => connectTcp({ port, host: '127.0.0.1', noDelay: true });
  const options = clientTls(pki, 'http/1.1');
  const secureContext = createSecureContext(options);
  return () => connectTls({ ...options, secureContext, port });
}

async function tell(message: IdleMessage): Promise<void> {
  process.send?.(message);
  await new Promise((resolve) => process.once('message', resolve));
}

/** @returns how many connections failed */
async function warm(dial: () => Socket, { connections, requests }: IdleSpec['warm']): Promise<number> {
  const sockets = new Set<Socket>();
  const opened = await Promise.all(Array.from({ length: connections }, () => open(dial, sockets, requests)));
  for (const socket of sockets) socket.destroy();
  return opened.filter((ok) => !ok).length;
}

async function openUpTo(count: number, dial: () => Socket, sockets: Set<Socket>): Promise<IdleMessage> {
  const startedMs = performance.now();
  const times: number[] = [];
  const missing = count - sockets.size;
  let toOpen = missing;
  const worker = async (): Promise<void> => {
    while (toOpen-- > 0) {
      const beganMs = performance.now();
      await open(dial, sockets, 1);
      times.push(performance.now() - beganMs);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  times.sort((a, b) => a - b);
  return {
    wanted: count,
    open: sockets.size,
    failed: count - sockets.size,
    perSecond: (missing * 1000) / (performance.now() - startedMs),
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
  };
}

async function run(spec: IdleSpec): Promise<void> {
  const dial = dialler(spec);
  let failed = await warm(dial, spec.warm);
  await tell({ wanted: 0, open: 0, failed, perSecond: 0, p50Ms: 0, p99Ms: 0 });
  const sockets = new Set<Socket>();
  for (const count of spec.counts) {
    const message = await openUpTo(count, dial, sockets);
    failed += message.failed;
    await tell({ ...message, failed });
  }
  process.exit();
}

await run(JSON.parse(process.argv[2] ?? '') as IdleSpec);
