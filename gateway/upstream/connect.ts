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
  readonly clock: Clock;
  /** For sockets that a codec of ours will read; undefined: it is read by its `data` events. */
  readonly reads: SharedReads | undefined;
}

/**
 * Opens a connection to one place, ready for use: over TLS the handshake is done and the peer was checked.
 * @param timeoutMs for all of it
 * @returns gives the try up
 */
export type Connect = (timeoutMs: number, result: ConnectResult) => () => void;

/** Plaintext TCP. The other end may close its direction while ours stays open (`allowHalfOpen`). */
export function tcpConnector(target: ConnectTarget, options: ConnectOptions): Connect {
  const { clock, reads } = options;
  const to = { host: target.host, port: target.port, noDelay: true, allowHalfOpen: true };
  return (timeoutMs, result) => {
    const socket = reads === undefined ? connect(to) : reads.dial((onread) => connect({ ...to, onread }));
    return awaitSocket(socket, { event: 'connect', clock, timeoutMs }, result, reasonOf);
  };
}

function reasonOf(failure: Error): string {
  return failure.message;
}

/**
 * Waits until a socket that is being connected has said `event`.
 * @param reason words of a failure for a person
 * @returns gives the try up
 */
export function awaitSocket<S extends Socket>(
  socket: S,
  wait: { readonly event: 'connect' | 'secureConnect'; readonly clock: Clock; readonly timeoutMs: number },
  result: { connected(socket: S): void; failed(reason: string): void },
  reason: (failure: Error) => string,
): () => void {
  const settle = (): void => {
    cancelTimeout();
    socket.off(wait.event, connected);
    socket.off('error', failed);
    socket.off('close', closed);
  };
  const giveUp = (): void => {
    settle();
    socket.on('error', ignoreLateError);
    socket.destroy();
  };
  const connected = (): void => {
    settle();
    result.connected(socket);
  };
  const failed = (failure: Error): void => {
    giveUp();
    result.failed(reason(failure));
  };
  const closed = (): void => failed(new Error('closed by the peer'));
  const cancelTimeout = wait.clock.after(wait.timeoutMs, () => {
    failed(new Error(`no connection after ${wait.timeoutMs} ms`));
  });
  socket.once(wait.event, connected);
  socket.once('error', failed);
  socket.once('close', closed);
  return giveUp;
}

/** A socket that was given up may still say why it would have failed: nobody waits for it any more. */
function ignoreLateError(): void {}
