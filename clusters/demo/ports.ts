import { createServer, type Server } from 'node:net';

/** Below the ephemeral range and above what services commonly use: where the demo looks for a block of ports. */
const BLOCK_FROM = 16_000;
const BLOCK_UNTIL = 30_000;

function listen(port: number, host: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, host, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/**
 * The first of `size` neighbouring ports that were all free. They are outside the ephemeral range, where a
 * client's connection could take one before the gateway opens it.
 */
export async function freePortBlock(size: number, host: string, random: () => number): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const from = BLOCK_FROM + Math.floor((random() * (BLOCK_UNTIL - BLOCK_FROM)) / size) * size;
    const ports = Array.from({ length: size }, (_, index) => from + index);
    const opened = await Promise.allSettled(ports.map((port) => listen(port, host)));
    const servers = opened.filter((result) => result.status === 'fulfilled').map((result) => result.value);
    await Promise.all(servers.map(close));
    if (servers.length === size) return from;
  }
  throw new Error(`no ${size} neighbouring free ports between ${BLOCK_FROM} and ${BLOCK_UNTIL}`);
}
