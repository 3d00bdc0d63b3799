import { connect, type Socket } from 'node:net';
import type { Clock } from '../../federation/runtime/clock.ts';
import type { SharedReads } from '../http/shared-reads.ts';

export interface ConnectTarget {
  readonly host: string;
  readonly port: number;
}

/** What a try to connect ends with; exactly one is called, once, unless the try is cancelled first. */
export interface ConnectResult {
  connected(socket: Socket): void;
  failed(reason: string): void;
}

export interface ConnectOptions {
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** For sockets that a codec of ours will read; undefined: it is read by its `data` events. */
  readonly reads: SharedReads | undefined;
}

/**
 * Opens a TCP connection. The other end may close its direction while ours stays open (`allowHalfOpen`).
 * @returns gives the try up
 */
export function connectTcp(
  target: ConnectTarget,
  options: ConnectOptions,
  result: ConnectResult,
): () => void {
  const { reads } = options;
  const to = { host: target.host, port: target.port, noDelay: true, allowHalfOpen: true };
  const socket = reads === undefined ? connect(to) : reads.dial((onread) => connect({ ...to, onread }));
  const settle = (): void => {
    cancelTimeout();
    socket.off('connect', connected);
    socket.off('error', failed);
  };
  const connected = (): void => {
    settle();
    result.connected(socket);
  };
  const failed = (failure: Error): void => {
    settle();
    socket.on('error', ignoreLateError);
    socket.destroy();
    result.failed(failure.message);
  };
  const cancelTimeout = options.clock.after(options.timeoutMs, () => {
    failed(new Error(`no connection after ${options.timeoutMs} ms`));
  });
  socket.once('connect', connected);
  socket.once('error', failed);
  return () => {
    settle();
    socket.on('error', ignoreLateError);
    socket.destroy();
  };
}

/** A socket that was given up may still say why it would have failed: nobody waits for it any more. */
function ignoreLateError(): void {}
