import { createServer, type Server } from 'node:net';

/** Below the ephemeral range and above what services commonly use: where the demo looks for a block of ports. */
const BLOCK_FROM = 16_000;
const BLOCK_UNTIL = 20_000;

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
 * The first of `size` neighbouring ports that were all free. They are outside the ephemeral range, where a client's
 * connection could take one before the gateway opens it. The port before them stays open for the life of this process:
 * it is the claim by which another demo that starts at the same moment sees that the block is taken.
 */
export async function claimPortBlock(size: number, host: string, random: () => number): Promise<number> {
  const stride = size + 1;
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const claimed = BLOCK_FROM + Math.floor((random() * (BLOCK_UNTIL - BLOCK_FROM)) / stride) * stride;
    const ports = Array.from({ length: stride }, (_, index) => claimed + index);
    const opened = await Promise.allSettled(ports.map((port) => listen(port, host)));
    const [claim, ...others] = opened.map((result) =>
      result.status === 'fulfilled' ? result.value : undefined,
    );
    await Promise.all(others.map((server) => server && close(server)));
    if (claim === undefined) continue;
    if (others.every((server) => server !== undefined)) {
      claim.unref();
      return claimed + 1;
    }
    await close(claim);
  }
  throw new Error(`no ${size} neighbouring free ports between ${BLOCK_FROM} and ${BLOCK_UNTIL}`);
}
