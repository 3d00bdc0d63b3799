import type { HeaderBlock, ResponseReceiver, StreamWriter } from '../http/stream.ts';

/** The connection that a request is written on; it ignores writers of earlier requests. */
export interface RequestOwner {
  write(stream: ClientStream, chunk: Buffer, start: number, end: number, endStream: boolean): number;
  end(stream: ClientStream, trailers: HeaderBlock): void;
  reset(stream: ClientStream): void;
  taken(stream: ClientStream, bytes: number): void;
}

/** One request on an HTTP/1 connection; its head was written by `open`. */
export class ClientStream implements StreamWriter {
  readonly receiver: ResponseReceiver;
  readonly #owner: RequestOwner;

  constructor(owner: RequestOwner, receiver: ResponseReceiver) {
    this.#owner = owner;
    this.receiver = receiver;
  }

  sendHeaders(): void {
    throw new Error("a request's headers are written when it is opened");
  }

  sendInformational(): void {
    throw new Error('a request has no informational headers');
  }

  sendData(chunk: Buffer, start: number, end: number, endStream: boolean): number {
    return this.#owner.write(this, chunk, start, end, endStream);
  }

  sendTrailers(block: HeaderBlock): void {
    this.#owner.end(this, block);
  }

  reset(_errorCode: number): void {
    this.#owner.reset(this);
  }

  consumed(bytes: number): void {
    this.#owner.taken(this, bytes);
  }
}
