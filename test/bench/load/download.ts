import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { AUTHORITY } from '../scenario.ts';

const WINDOW_BYTES = 2 ** 30;

/** A client whose own windows never hold anything back. */
export function openSession(port: number): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: WINDOW_BYTES } });
  session.on('connect', () => session.setLocalWindowSize(WINDOW_BYTES));
  return session;
}

export function ask(session: ClientHttp2Session, path: string): ClientHttp2Stream {
  const stream = session.request({ ':path': path, ':authority': AUTHORITY });
  stream.on('response', ({ ':status': status }) => {
    if (status !== 200) stream.destroy(new Error(`${path} is answered with ${status}`));
  });
  return stream;
}

export interface Downloaded {
  readonly bytesPerSecond: number;
  readonly firstByteMs: number;
}

/**
 * One stream for so many seconds, of which the first part, in which windows grow, does not count.
 * @throws when it ends before
 */
export function download(
  session: ClientHttp2Session,
  path: string,
  seconds: number,
  growthSeconds: number,
): Promise<Downloaded> {
  const startedMs = performance.now();
  const fromMs = startedMs + growthSeconds * 1000;
  const stream = ask(session, path);
  let firstByteMs = Number.NaN;
  let bytes = 0;
  return new Promise((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => {
      const nowMs = performance.now();
      if (Number.isNaN(firstByteMs)) firstByteMs = nowMs - startedMs;
      if (nowMs >= fromMs) bytes += chunk.length;
    });
    stream.on('error', reject);
    stream.on('end', () => reject(new Error(`${path} ended too early to be measured`)));
    setTimeout(() => {
      stream.removeAllListeners('end');
      stream.close();
      const measuredSeconds = (performance.now() - fromMs) / 1000;
      resolve({ bytesPerSecond: bytes / measuredSeconds, firstByteMs });
    }, seconds * 1000);
  });
}
