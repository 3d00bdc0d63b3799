import type { BytePool } from '../http/byte-pool.ts';
import { HeldData } from '../http/held-data.ts';
import type { HeaderBlock, StreamWriter } from '../http/stream.ts';

/** How much of one request's body is kept so that it can be sent again. */
const MAX_REPLAY_BYTES = 64 * 1024;

/**
 * A request's body between its two connections. What came so far is kept (up to 64 KiB) until a response begins, so
 * that another upstream can get it from the start; while there is no upstream all of it is kept, within what the
 * client's stream credit lets it send. Credit goes back once for each byte, when the first upstream took it.
 */
export class RequestBody {
  readonly #downstream: StreamWriter;
  #kept: HeldData | undefined;
  #upstream: StreamWriter | undefined;
  #trailers: HeaderBlock | undefined;
  #ended = false;
  #receivedBytes = 0;
  /** By the present upstream. */
  #acceptedBytes = 0;
  #creditedBytes = 0;

  constructor(downstream: StreamWriter, pool: BytePool) {
    this.#downstream = downstream;
    this.#kept = new HeldData(pool);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** All that came so far can be sent again. */
  get replayable(): boolean {
    return this.#kept !== undefined;
  }

  /** The end came and there was nothing before it. */
  get empty(): boolean {
    return this.#ended && this.#receivedBytes === 0 && this.#trailers === undefined;
  }

  /** False when it would have to be kept and cannot: the worker's memory is used up. */
  receive(chunk: Buffer, start: number, end: number, endStream: boolean): boolean {
    this.#receivedBytes += end - start;
    if (endStream) this.#ended = true;
    if (!this.#keep(chunk, start, end)) return false;
    if (this.#upstream !== undefined) {
      this.#accepted(this.#upstream.sendData(chunk, start, end, endStream));
    }
    return true;
  }

  receiveTrailers(block: HeaderBlock): void {
    this.#ended = true;
    this.#trailers = block;
    this.#upstream?.sendTrailers(block);
  }

  /** A new upstream, whose headers were sent: gets all that came so far. */
  attach(upstream: StreamWriter): void {
    this.#upstream = upstream;
    this.#acceptedBytes = 0;
    const chunks = this.#kept?.chunks ?? [];
    const ends = this.#ended && this.#trailers === undefined;
    for (let i = 0; i < chunks.length; i++) {
      const chunk = chunks[i] as Buffer;
      this.#accepted(upstream.sendData(chunk, 0, chunk.length, ends && i === chunks.length - 1));
    }
    if (this.#trailers !== undefined) upstream.sendTrailers(this.#trailers);
    if (this.#receivedBytes > MAX_REPLAY_BYTES) this.release();
  }

  detach(): void {
    this.#upstream = undefined;
  }

  /** The upstream took bytes that it had held back. */
  drained(bytes: number): void {
    this.#accepted(bytes);
  }

  /** It will not be sent again: a response began, or the exchange is over. */
  release(): void {
    this.#kept?.clear();
    this.#kept = undefined;
  }

  #keep(chunk: Buffer, start: number, end: number): boolean {
    const kept = this.#kept;
    if (kept === undefined || start === end) return true;
    const waiting = this.#upstream === undefined;
    if (!waiting && this.#receivedBytes > MAX_REPLAY_BYTES) {
      this.release();
      return true;
    }
    if (kept.add(chunk, start, end)) return true;
    this.release();
    return !waiting;
  }

  #accepted(bytes: number): void {
    this.#acceptedBytes += bytes;
    const credit = this.#acceptedBytes - this.#creditedBytes;
    if (credit <= 0) return;
    this.#creditedBytes = this.#acceptedBytes;
    this.#downstream.consumed(credit);
  }
}
