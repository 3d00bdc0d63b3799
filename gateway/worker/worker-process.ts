// The program that a worker process runs. Its parent ends it; signals that reach the whole group are the parent's.
import { Socket } from 'node:net';
import { SYSTEM_CLOCK } from '../../federation/runtime/clock.ts';
import { createOperationLog } from '../telemetry/operation-log.ts';
import { GatewayWorker } from './gateway-worker.ts';
import { parentMessage, type WorkerMessage } from './messages.ts';

function run(): void {
  const log = createOperationLog('worker');
  let worker: GatewayWorker | undefined;
  const send = (message: WorkerMessage): void => {
    // A parent that is gone is told by `disconnect`.
    if (!process.connected) return;
    process.send?.(message, undefined, {}, () => {
      if (message.kind === 'drained') process.exit();
    });
  };
  process.title = 'isthmus gateway worker';
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGUSR2'] as const) process.on(signal, () => {});
  // Without its parent a worker has neither news nor connections: it ends at once.
  process.on('disconnect', () => process.exit());
  process.on('uncaughtException', (error) => {
    log.error({ error: error.stack }, 'a worker failed');
    process.exit(1);
  });
  process.on('message', (received, handle) => {
    const message = parentMessage.parse(received);
    if (message.kind === 'start') {
      const { config } = message;
      process.title = `isthmus gateway worker of ${config.local.name}`;
      worker = new GatewayWorker({ config, clock: SYSTEM_CLOCK, random: Math.random, log, send });
    } else worker?.receive(message, handle instanceof Socket ? handle : undefined);
  });
  giveBackWhatLoadingTook();
  send({ kind: 'ready' });
}

/**
 * Reading and compiling modules leaves garbage, and a young generation that has grown to hold it: some 20 MB of resident
 * memory that a worker with little load would keep. Nothing is served yet, so that the pause (about 70 ms) is nobody's.
 */
function giveBackWhatLoadingTook(): void {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

run();
