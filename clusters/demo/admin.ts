import { request } from 'node:http';

const TIMEOUT_MS = 2_000;
const MAX_BYTES = 16 * 1024 * 1024;

/** What an admin endpoint says, as JSON; undefined when it did not answer with 200. */
export function readAdmin(host: string, port: number, path: string): Promise<unknown> {
  return new Promise((resolve) => {
    const asked = request({ host, port, path, timeout: TIMEOUT_MS }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BYTES) asked.destroy();
        else chunks.push(chunk);
      });
      response.on('end', () =>
        resolve(response.statusCode === 200 ? JSON.parse(Buffer.concat(chunks).toString()) : undefined),
      );
      response.on('error', () => resolve(undefined));
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(undefined));
    asked.end();
  });
}
