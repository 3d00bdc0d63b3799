import type { Socket } from 'node:net';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { CodecResources } from '../http/resources.ts';
import type { ClientConnection, HeaderBlock, ResponseReceiver, StreamWriter } from '../http/stream.ts';
import type { Connect } from './connect.ts';
import type { EndpointConnections } from './connection-pool.ts';
import type { ConnectionSource, ConnectionWaiter } from './connection-source.ts';
import { RawStream } from './raw-stream.ts';

export interface TcpSourceOptions {
  readonly connect: Connect;
  readonly resources: CodecResources;
  readonly timeoutMs: number;
  readonly rejected: (reason: RejectionReason) => void;
}

/** Opaque connections to one endpoint: each exchange has its own. */
export class TcpSource implements EndpointConnections {
  readonly #options: TcpSourceOptions;
  readonly #connecting = new Map<ConnectionWaiter, () => void>();

  constructor(options: TcpSourceOptions) {
    this.#options = options;
  }

  get forUpgrades(): ConnectionSource {
    return this;
  }

  acquire(waiter: ConnectionWaiter): undefined {
    const { connect, resources, timeoutMs, rejected } = this.#options;
    const cancel = connect(timeoutMs, {
      connected: (socket) => {
        this.#connecting.delete(waiter);
        waiter.connectionReady(new RawConnection(socket, resources, rejected));
      },
      failed: (reason) => {
        this.#connecting.delete(waiter);
        waiter.connectionFailed({ kind: 'connect', reason });
      },
    });
    this.#connecting.set(waiter, cancel);
  }

  withdraw(waiter: ConnectionWaiter): void {
    this.#connecting.get(waiter)?.();
    this.#connecting.delete(waiter);
  }

  sweep(_nowMs: number): void {
    // Nothing is kept that could grow old.
  }

  retire(): void {
    // Connections under way last as long as their exchanges do.
  }
}

/** A connected socket that waits for its one CONNECT. */
class RawConnection implements ClientConnection {
  readonly #socket: Socket;
  readonly #resources: CodecResources;
  readonly #rejected: (reason: RejectionReason) => void;
  #opened = false;

  constructor(socket: Socket, resources: CodecResources, rejected: (reason: RejectionReason) => void) {
    this.#socket = socket;
    this.#resources = resources;
    this.#rejected = rejected;
  }

  get available(): boolean {
    return !this.#opened;
  }

  get openStreams(): number {
    return this.#opened ? 1 : 0;
  }

  open(receiver: ResponseReceiver, _block: HeaderBlock, endStream: boolean): StreamWriter {
    this.#opened = true;
    const stream = new RawStream(this.#socket, this.#resources, {
      data: (chunk, start, end, ends) => receiver.responseData(chunk, start, end, ends),
      drained: (bytes) => receiver.requestDrained(bytes),
      broken: () => receiver.responseFailed({ kind: 'connection-lost' }),
      rejected: this.#rejected,
    });
    if (endStream) stream.sendData(Buffer.alloc(0), 0, 0, true);
    // The answer to CONNECT, which may not come before this has returned.
    queueMicrotask(() => {
      if (!stream.over) receiver.responseHeaders([':status', '200'], false);
    });
    return stream;
  }

  drain(): void {
    // It serves one exchange and ends with it.
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
