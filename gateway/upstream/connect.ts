import { connect, type Socket } from 'node:net';
import type { Clock } from '../../federation/runtime/clock.ts';

export interface ConnectTarget {
  readonly host: string;
  readonly port: number;
}

/** What a try to connect ends with; exactly one is called, once, unless the try is cancelled first. */
export interface ConnectResult {
  connected(socket: Socket): void;
  failed(reason: string): void;
}

/**
 * Opens a TCP connection. The other end may close its direction while ours stays open (`allowHalfOpen`).
 * @returns gives the try up
 */
export function connectTcp(
  target: ConnectTarget,
  options: { readonly timeoutMs: number; readonly clock: Clock },
  result: ConnectResult,
): () => void {
  const socket = connect({ host: target.host, port: target.port, noDelay: true, allowHalfOpen: true });
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
