import { connect, createServer, type Socket } from 'node:net';
import { Wire } from './wire.ts';

/** `node delay-relay-process.ts PORT TARGET_PORT BYTES_PER_SECOND`, with `{ rttMs }` from its parent. */
const [port = 0, targetPort = 0, bytesPerSecond = 0] = process.argv.slice(2).map(Number);
const TICK_MS = 1;
/** Unsent bytes past which a receiver that does not read stops the sender, as TCP would. */
const FULL_BYTES = 4 * 2 ** 20;

interface Direction {
  readonly wire: Wire;
  readonly flows: Set<() => void>;
}

function join(from: Socket, to: Socket, { wire, flows }: Direction): void {
  const queue: { readonly chunk: Buffer; readonly dueMs: number }[] = [];
  const flow = (): void => {
    const nowMs = performance.now();
    while (queue[0] !== undefined && queue[0].dueMs <= nowMs) {
      const chunk = queue.shift()?.chunk;
      if (chunk !== undefined && !to.destroyed) to.write(chunk);
    }
    const blocked = wire.isFull(nowMs) || to.writableLength > FULL_BYTES;
    if (blocked && !from.isPaused()) from.pause();
    if (!blocked && from.isPaused()) from.resume();
  };
  flows.add(flow);
  from.on('data', (chunk: Buffer) => {
    const nowMs = performance.now();
    queue.push({ chunk, dueMs: wire.arrivalMs(nowMs, chunk.length) });
    if (wire.isFull(nowMs)) from.pause();
  });
  from.on('error', () => from.destroy());
  from.on('close', () => {
    flows.delete(flow);
    to.destroySoon();
  });
}

const there: Direction = { wire: new Wire(bytesPerSecond), flows: new Set() };
const back: Direction = { wire: new Wire(bytesPerSecond), flows: new Set() };
const server = createServer({ noDelay: true }, (client) => {
  const target = connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
  join(client, target, there);
  join(target, client, back);
});
setInterval(() => {
  for (const { flows } of [there, back]) for (const flow of flows) flow();
}, TICK_MS);
process.on('message', ({ rttMs }: { rttMs: number }) => {
  there.wire.oneWayMs = rttMs / 2;
  back.wire.oneWayMs = rttMs / 2;
});
server.listen(port, '127.0.0.1', () => process.send?.('listens'));
