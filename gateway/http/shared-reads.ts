import { type BoundSocket, type OnReadOpts, Socket } from 'node:net';

/** Where what a socket reads goes. The memory of `chunk` is used again as soon as the call returns. */
export type ReadSink = (chunk: Buffer) => void;

const BUFFER_BYTES = 64 * 1024;

/**
 * One buffer that all sockets of a worker read into, one after the other: without it each read allocates memory and
 * goes through a readable stream, which costs more than all that is done with a small message. TLS that was accepted
 * gains most: read as streams, 3,000 short connections made V8 collect its whole heap 12 times instead of 2.
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

  /**
   * The connection of a socket that was accepted, as a socket that reads into the shared buffer: Node gives `onread`
   * to sockets only when they are made. `early` was read already. The accepted socket is an empty shell afterwards.
   */
  adopt(accepted: Socket, early: Buffer): Socket {
    const handle: unknown = Reflect.get(accepted, '_handle');
    // Gone, or a Node that keeps its handles elsewhere: it is served as it is.
    if (!isHandle(handle) || accepted.destroyed) {
      accepted.unshift(early);
      return accepted;
    }
    Reflect.set(accepted, '_handle', null);
    const port = new ReadPort(this.#buffer, early.length === 0 ? [] : [early]);
    const socket = new Socket({ handle, onread: port.onread, allowHalfOpen: true });
    this.#ports.set(socket, port);
    // Whoever counts accepted sockets need not wait for it any more.
    accepted.destroy();
    return socket;
  }

  /** Tells `sink` what the socket reads from now on, and first what it has read since it was opened here. */
  listen(socket: Socket, sink: ReadSink): void {
    const port = this.#ports.get(socket) ?? this.#takeOver(socket);
    if (port === undefined) socket.on('data', sink);
    else port.listen(socket, sink);
  }

  /**
   * The same for a socket that somebody else opened, as a TLS server does: it has the slots of `onread` as any other, but
   * no option fills them. Undefined where a Node has them elsewhere: the socket is read as a stream then.
   */
  #takeOver(socket: Socket): ReadPort | undefined {
    const handle: unknown = Reflect.get(socket, '_handle');
    const slots = onreadSlots(socket);
    if (!takesBuffer(handle) || slots === undefined) return undefined;
    const port = new ReadPort(this.#buffer, readOut(socket));
    Reflect.set(socket, slots.buffer, port.onread.buffer);
    Reflect.set(socket, slots.callback, port.onread.callback);
    handle.useUserBuffer(this.#buffer);
    this.#ports.set(socket, port);
    return port;
  }
}

interface OnreadSlots {
  readonly buffer: symbol;
  readonly callback: symbol;
}

function onreadSlots(socket: Socket): OnreadSlots | undefined {
  const symbols = Object.getOwnPropertySymbols(socket);
  const buffer = symbols.find(({ description }) => description === 'kBuffer');
  const callback = symbols.find(({ description }) => description === 'kBufferCb');
  return buffer === undefined || callback === undefined ? undefined : { buffer, callback };
}

/** What came with the handshake's end. */
function readOut(socket: Socket): Buffer[] {
  const chunks: Buffer[] = [];
  for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) chunks.push(chunk);
  return chunks;
}

interface BufferTaker {
  readonly useUserBuffer: (buffer: Buffer) => void;
}

function takesBuffer(value: unknown): value is BufferTaker {
  return typeof value === 'object' && value !== null && 'useUserBuffer' in value;
}

/** Node takes the handle of any socket, as its own modules do; its types speak of bound ones alone. */
function isHandle(value: unknown): value is BoundSocket {
  return typeof value === 'object' && value !== null && 'readStart' in value;
}

/** The reading side of one socket. */
class ReadPort {
  readonly onread: OnReadOpts;
  #sink: ReadSink | undefined;
  /** Came before there was a sink: a server may speak first. */
  #early: Buffer[];

  constructor(buffer: Buffer, early: Buffer[] = []) {
    this.#early = early;
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
