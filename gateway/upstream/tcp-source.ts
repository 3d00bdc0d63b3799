import type { Socket } from 'node:net';
import type { ConnectionPoolPolicy } from '../../federation/model/connection-pool.ts';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { CodecResources } from '../http/resources.ts';
import type { ClientConnection, HeaderBlock, ResponseReceiver, StreamWriter } from '../http/stream.ts';
import type { Connect } from './connect.ts';
import { type EndpointConnections, type PoolOptions, withPolicy } from './connection-pool.ts';
import { type ConnectionSource, type ConnectionWaiter, OVERFLOW } from './connection-source.ts';
import { RawStream } from './raw-stream.ts';

export interface TcpSourceOptions {
  readonly connect: Connect;
  readonly resources: CodecResources;
  readonly defaults: PoolOptions;
  readonly rejected: (reason: RejectionReason) => void;
}

/** Opaque connections to one endpoint: each exchange has its own. */
export class TcpSource implements EndpointConnections {
  readonly #options: TcpSourceOptions;
  #bounds: PoolOptions;
  #open = 0;
  readonly #connecting = new Map<ConnectionWaiter, () => void>();

  constructor(options: TcpSourceOptions) {
    this.#options = options;
    this.#bounds = options.defaults;
  }

  get forUpgrades(): ConnectionSource {
    return this;
  }

  adapt(policy: ConnectionPoolPolicy | undefined): void {
    this.#bounds = withPolicy(this.#options.defaults, policy);
  }

  acquire(waiter: ConnectionWaiter): undefined {
    const { connect, resources, rejected } = this.#options;
    if (this.#open + this.#connecting.size >= this.#bounds.maxConnections) {
      rejected('upstream-max-connections');
      waiter.connectionFailed(OVERFLOW);
      return;
    }
    const cancel = connect(this.#bounds.connectTimeoutMs, {
      connected: (socket) => {
        this.#connecting.delete(waiter);
        this.#open++;
        socket.once('close', () => this.#open--);
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
