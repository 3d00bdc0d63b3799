import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** A socket without a network: what is fed comes in in exactly these pieces, what is written is kept. */
export class Wire extends Duplex {
  readonly #written: Buffer[] = [];
  readonly #slow: boolean;

  /** `slow` takes each write a turn of the event loop later. */
  constructor(slow: boolean) {
    super({ allowHalfOpen: true });
    this.#slow = slow;
  }

  /** For a codec, which asks no more of its socket than a stream and these two. */
  get socket(): Socket {
    return this as unknown as Socket;
  }

  get written(): Buffer {
    return Buffer.concat(this.#written);
  }

  setNoDelay(): this {
    return this;
  }

  feed(piece: Buffer): void {
    if (!this.destroyed) this.push(Buffer.from(piece));
  }

  feedEnd(): void {
    if (!this.destroyed) this.push(null);
  }

  override _read(): void {
    // It is fed.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#written.push(Buffer.from(chunk));
    if (this.#slow) setImmediate(done);
    else done();
  }
}

/** A slow wire has then taken what the largest answers of a case have for it. */
export const SETTLING_TURNS = 12;

/** One turn of the event loop: what is to be flushed is. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
