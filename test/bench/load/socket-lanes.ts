import type { Socket } from 'node:net';
import type { Answered } from './h2-lanes.ts';
import type { Lane } from './pacer.ts';

/** A connection that is itself the lane: one request, then its answer. */
abstract class SocketLane implements Lane {
  readonly #socket: Socket;
  readonly #request: Buffer;
  readonly #answered: Answered;

  constructor(socket: Socket, request: Buffer, answered: Answered) {
    this.#socket = socket;
    this.#request = request;
    this.#answered = answered;
    socket.on('data', (chunk: Buffer) => this.take(chunk));
    socket.on('close', () => answered(this, false));
  }

  send(): void {
    if (this.#socket.destroyed) setImmediate(() => this.#answered(this, false));
    else this.#socket.write(this.#request);
  }

  protected answer(ok: boolean): void {
    this.#answered(this, ok);
  }

  protected abstract take(chunk: Buffer): void;
}

/** As many bytes back as were sent. */
export class EchoLane extends SocketLane {
  readonly #bytes: number;
  #received = 0;

  constructor(socket: Socket, request: Buffer, answered: Answered) {
    super(socket, request, answered);
    this.#bytes = request.length;
  }

  protected override take(chunk: Buffer): void {
    this.#received += chunk.length;
    if (this.#received < this.#bytes) return;
    this.#received -= this.#bytes;
    this.answer(true);
  }
}

/** HTTP/1.1 with keep-alive; responses have a content-length. */
export class Http1Lane extends SocketLane {
  #rest: Buffer = Buffer.alloc(0);

  protected override take(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const end = this.#rest.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.#rest.toString('latin1', 0, end);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? Number.NaN);
    if (this.#rest.length < end + 4 + length) return;
    this.#rest = Buffer.alloc(0);
    this.answer(head.startsWith('HTTP/1.1 200') && !Number.isNaN(length));
  }
}
