import type { Socket } from 'node:net';

const FIRST_BYTES = 64 * 1024;

/** Gathers what one turn of the event loop sends on a socket into one write. */
export class Outlet {
  readonly #socket: Socket;
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Where `bytes` more may be written, after what is there. */
  append(bytes: Uint8Array): { readonly buffer: Buffer; readonly at: number } {
    const at = this.#length;
    if (at === 0) setImmediate(() => this.#flush());
    if (at + bytes.length > this.#buffer.length) {
      this.#buffer = Buffer.concat([this.#buffer.subarray(0, at)], 2 * (at + bytes.length));
    }
    this.#buffer.set(bytes, at);
    this.#length += bytes.length;
    return { buffer: this.#buffer, at };
  }

  #flush(): void {
    if (!this.#socket.destroyed) this.#socket.write(this.#buffer.subarray(0, this.#length));
    this.#buffer = Buffer.allocUnsafe(FIRST_BYTES);
    this.#length = 0;
  }
}
