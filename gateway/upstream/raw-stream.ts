import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { HeldData } from '../http/held-data.ts';
import { OutputBuffer } from '../http/output.ts';
import type { CodecResources } from '../http/resources.ts';
import { H2_ERROR, type HeaderBlock, type StreamWriter } from '../http/stream.ts';

/** What comes out of a raw socket, and what becomes of the bytes that were put in. */
export interface RawReceiver {
  data(chunk: Buffer, start: number, end: number, endStream: boolean): void;
  drained(bytes: number): void;
  /** The connection is gone before both directions ended. */
  broken(): void;
}

/** Bytes that were read and not yet consumed, past which reading pauses. */
const READ_WINDOW_BYTES = 256 * 1024;
const HIGH_WATER_BYTES = 256 * 1024;
const NOTHING = Buffer.alloc(0);

/**
 * An opaque TCP connection as one half of an exchange (the other half is a CONNECT stream, or another raw socket).
 * Each direction ends by itself, and no more is read than the other side takes.
 */
export class RawStream implements StreamWriter {
  readonly #socket: Socket;
  readonly #resources: CodecResources;
  readonly #receiver: RawReceiver;
  readonly #output: OutputBuffer;
  #movedAtMs: number;
  #held: HeldData | undefined = undefined;
  #endAfterHeld = false;
  #unconsumedBytes = 0;
  #readEnded = false;
  #writeEnded = false;
  #over = false;

  constructor(socket: Socket, resources: CodecResources, receiver: RawReceiver) {
    this.#socket = socket;
    this.#resources = resources;
    this.#receiver = receiver;
    this.#movedAtMs = resources.clock.monotonic();
    this.#output = new OutputBuffer(socket, {
      turn: resources.turn,
      slabs: resources.largeSlabs,
      pool: resources.heldBytes,
      highWaterBytes: HIGH_WATER_BYTES,
      onRoom: () => this.#pump(),
    });
    socket.allowHalfOpen = true;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => this.#readEnd());
    // The reason changes nothing: both ends of the exchange see a reset.
    socket.on('error', () => this.#break());
    socket.on('close', () => {
      this.#break();
      // Also after a good end: what the socket had not sent was counted until now.
      this.#output.close();
    });
  }

  /** Both directions have ended, or the connection is gone. */
  get over(): boolean {
    return this.#over;
  }

  /** When bytes last went in or out, monotonic ms by the timers' own coarse clock. */
  get movedAtMs(): number {
    return this.#movedAtMs;
  }

  /** A final answer other than 200 means that there is no connection: a raw client sees it reset. */
  sendHeaders(block: HeaderBlock, endStream: boolean): void {
    if (block[1] !== '200') this.reset(H2_ERROR.CONNECT_ERROR);
    else if (endStream) this.#endWriting();
  }

  sendInformational(_block: HeaderBlock): void {
    // There is no place for it in an opaque connection.
  }

  sendData(chunk: Buffer, start: number, end: number, endStream: boolean): number {
    if (this.#over || this.#writeEnded || this.#endAfterHeld) return end - start;
    const wanted = end - start;
    const taken = this.#held === undefined ? Math.max(0, Math.min(wanted, this.#output.room)) : 0;
    if (taken > 0) this.#write(chunk, start, start + taken);
    if (taken === wanted) {
      if (endStream) this.#endAfterAll();
      return taken;
    }
    this.#held ??= new HeldData(this.#resources.heldBytes);
    if (!this.#held.add(chunk, start + taken, end)) {
      this.#socket.destroy();
      return taken;
    }
    this.#endAfterHeld = endStream;
    this.#output.waitForRoom();
    return taken;
  }

  sendTrailers(_block: HeaderBlock): void {
    this.#endAfterAll();
  }

  reset(_errorCode: number): void {
    if (this.#over) return;
    this.#close();
    // Node resets plain sockets alone; without a close_notify its end is no good end (RFC 8446 section 6.1).
    if (this.#socket instanceof TLSSocket) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  /** Ends it at once; the receiver is told that it is broken. */
  destroy(): void {
    this.#socket.destroy();
  }

  consumed(bytes: number): void {
    this.#unconsumedBytes -= bytes;
    if (this.#socket.isPaused() && this.#unconsumedBytes <= READ_WINDOW_BYTES / 2) this.#socket.resume();
  }

  #read(chunk: Buffer): void {
    if (this.#over) return;
    this.#movedAtMs = this.#resources.timers.nowMs;
    this.#unconsumedBytes += chunk.length;
    if (this.#unconsumedBytes >= READ_WINDOW_BYTES) this.#socket.pause();
    this.#receiver.data(chunk, 0, chunk.length, false);
  }

  #readEnd(): void {
    if (this.#over) return;
    this.#readEnded = true;
    this.#receiver.data(NOTHING, 0, 0, true);
    this.#closeWhenEnded();
  }

  #write(chunk: Buffer, start: number, end: number): void {
    this.#movedAtMs = this.#resources.timers.nowMs;
    const output = this.#output;
    output.reserve(end - start);
    chunk.copy(output.buffer, output.position, start, end);
    output.position += end - start;
  }

  #pump(): void {
    let drained = 0;
    for (let held = this.#held; held !== undefined && held.first !== undefined; ) {
      const { buffer, start, end } = held.first;
      const bytes = Math.min(end - start, this.#output.room);
      if (bytes <= 0) {
        this.#output.waitForRoom();
        break;
      }
      this.#write(buffer, start, start + bytes);
      held.shift(bytes);
      drained += bytes;
    }
    if (this.#held?.bytes === 0) {
      this.#held = undefined;
      if (this.#endAfterHeld) this.#endWriting();
    }
    if (drained > 0) this.#receiver.drained(drained);
  }

  #endAfterAll(): void {
    if (this.#held === undefined) this.#endWriting();
    else this.#endAfterHeld = true;
  }

  #endWriting(): void {
    if (this.#writeEnded) return;
    this.#writeEnded = true;
    this.#output.end();
    this.#closeWhenEnded();
  }

  /** What is on its way out still leaves: the socket closes by itself when both directions have ended. */
  #closeWhenEnded(): void {
    if (this.#readEnded && this.#writeEnded) this.#over = true;
  }

  #break(): void {
    if (this.#over) return;
    this.#close();
    this.#socket.destroy();
    this.#receiver.broken();
  }

  #close(): void {
    this.#over = true;
    this.#output.close();
    this.#held?.clear();
    this.#held = undefined;
  }
}
