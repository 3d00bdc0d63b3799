import type { HeaderBlock, RequestReceiver, StreamWriter } from '../http/stream.ts';

/** The connection that a response is written on; it ignores writers of earlier requests. */
export interface ResponseOwner {
  respond(stream: ServerStream, block: HeaderBlock, endStream: boolean): void;
  inform(stream: ServerStream, block: HeaderBlock): void;
  write(stream: ServerStream, chunk: Buffer, start: number, end: number, endStream: boolean): number;
  end(stream: ServerStream, trailers: HeaderBlock): void;
  reset(stream: ServerStream): void;
  taken(stream: ServerStream, bytes: number): void;
}

/** One request's response on an HTTP/1 connection. */
export class ServerStream implements StreamWriter {
  /** Unknown until the engine has taken the request. */
  receiver: RequestReceiver | undefined = undefined;
  readonly #owner: ResponseOwner;

  constructor(owner: ResponseOwner) {
    this.#owner = owner;
  }

  sendHeaders(block: HeaderBlock, endStream: boolean): void {
    this.#owner.respond(this, block, endStream);
  }

  sendInformational(block: HeaderBlock): void {
    this.#owner.inform(this, block);
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
