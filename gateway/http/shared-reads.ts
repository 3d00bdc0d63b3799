import type { OnReadOpts, Socket } from 'node:net';

/** Where what a socket reads goes. The memory of `chunk` is used again as soon as the call returns. */
export type ReadSink = (chunk: Buffer) => void;

const BUFFER_BYTES = 64 * 1024;

/**
 * One buffer that all sockets which we open ourselves read into, one after the other: without it each read allocates
 * 64 KiB and gives most of it back, which costs more than all that is done with a small message. Sockets that a
 * server accepted cannot have it (Node has no `onread` there) and are read as ever.
 */
export class SharedReads {
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  readonly #ports = new WeakMap<Socket, ReadPort>();

  /** Opens a socket by `net.connect` or `tls.connect`, to which `connect` must hand `onread` on. */
  dial<S extends Socket>(connect: (onread: OnReadOpts) => S): S {
    const port = new ReadPort(this.#buffer);
    const socket = connect(port.onread);
    this.#ports.set(socket, port);
    return socket;
  }

  /** Tells `sink` what the socket reads from now on, and first what it has read since it was opened here. */
  listen(socket: Socket, sink: ReadSink): void {
    const port = this.#ports.get(socket);
    if (port === undefined) socket.on('data', sink);
    else port.listen(socket, sink);
  }
}

/** The reading side of one socket. */
class ReadPort {
  readonly onread: OnReadOpts;
  #sink: ReadSink | undefined;
  /** Came before there was a sink: a server may speak first. */
  #early: Buffer[] = [];

  constructor(buffer: Buffer) {
    this.onread = {
      buffer,
      callback: (bytes) => {
        this.#read(bytes === buffer.length ? buffer : buffer.subarray(0, bytes));
        return true;
      },
    };
  }

  listen(socket: Socket, sink: ReadSink): void {
    this.#sink = sink;
    if (this.#early.length === 0) return;
    queueMicrotask(() => {
      const early = this.#early;
      this.#early = [];
      for (const chunk of early) if (!socket.destroyed) sink(chunk);
    });
  }

  #read(chunk: Buffer): void {
    if (this.#sink === undefined || this.#early.length > 0) this.#early.push(Buffer.from(chunk));
    else this.#sink(chunk);
  }
}
