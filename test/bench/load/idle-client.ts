import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import { AUTHORITY } from '../scenario.ts';
import { percentile } from '../statistics.ts';
import { clientTls } from './client-tls.ts';

/** What `node idle-client.ts SPEC` does: opens connections up to each count, and after each waits for its parent. */
export interface IdleSpec {
  readonly port: number;
  /** The folder of the keys; undefined = plaintext. */
  readonly pki: string | undefined;
  readonly counts: readonly number[];
}

export interface IdleMessage {
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

/** Opens one, makes one request on it, and leaves it open. */
function open(dial: () => Socket, sockets: Set<Socket>): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dial();
    let answer = '';
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
      if (!answer.endsWith('89abcdef')) return;
      const ok = answer.startsWith('HTTP/1.1 200');
      if (ok) sockets.add(socket);
      resolve(ok);
    });
    socket.on('error', () => resolve(false));
    socket.on('close', () => {
      sockets.delete(socket);
      resolve(false);
    });
    socket.write(REQUEST);
  });
}

async function run({ port, pki, counts }: IdleSpec): Promise<void> {
  const options = pki === undefined ? undefined : clientTls(pki, 'http/1.1');
  const secureContext = options && createSecureContext(options);
  const dial = (): Socket =>
    options === undefined
      ? connectTcp({ port, host: '127.0.0.1', noDelay: true })
      : connectTls({ ...options, secureContext, port });
  const sockets = new Set<Socket>();
  const times: number[] = [];
  let failed = 0;
  for (const count of counts) {
    const startedMs = performance.now();
    let toOpen = count - sockets.size;
    const missing = toOpen;
    const worker = async (): Promise<void> => {
      while (toOpen-- > 0) {
        const beganMs = performance.now();
        await open(dial, sockets);
        times.push(performance.now() - beganMs);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    times.sort((a, b) => a - b);
    const message: IdleMessage = {
      wanted: count,
      open: sockets.size,
      failed: failed + count - sockets.size,
      perSecond: (missing * 1000) / (performance.now() - startedMs),
      p50Ms: percentile(times, 0.5),
      p99Ms: percentile(times, 0.99),
    };
    process.send?.(message);
    failed = message.failed;
    await new Promise((resolve) => process.once('message', resolve));
  }
  process.exit();
}

await run(JSON.parse(process.argv[2] ?? '') as IdleSpec);
