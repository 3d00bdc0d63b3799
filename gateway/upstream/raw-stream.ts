import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { REQUEST_FAILURES } from '../../federation/model/errors.ts';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import { HeldData } from '../http/held-data.ts';
import { OutputBuffer } from '../http/output.ts';
import type { BulkReader } from '../http/read-turns.ts';
import type { CodecResources } from '../http/resources.ts';
import { StalledReader } from '../http/stalled-reader.ts';
import { H2_ERROR, type HeaderBlock, type StreamWriter } from '../http/stream.ts';
import type { Timed } from '../http/timer-wheel.ts';
import { resetSocket } from './socket-reset.ts';

/** What comes out of a raw socket, and what becomes of the bytes that were put in. */
export interface RawReceiver {
  data(chunk: Buffer, start: number, end: number, endStream: boolean): void;
  drained(bytes: number): void;
  /** The connection is gone before both directions ended. */
  broken(): void;
  /** It was ended for this; `broken` follows. */
  rejected(reason: RejectionReason): void;
}

/** Bytes that were read and not yet consumed, past which reading pauses: one read, for the kernel has buffers, too. */
const READ_WINDOW_BYTES = 64 * 1024;
const HIGH_WATER_BYTES = 128 * 1024;
const NOTHING = Buffer.alloc(0);
const TICK_MS = 1000;
const NO_ROUTE_STATUS = String(REQUEST_FAILURES.noRoute.httpStatus);

/**
 * An opaque TCP connection as one half of an exchange (the other half is a CONNECT stream, or another raw socket).
 * Each direction ends by itself, and no more is read than the other side takes. Who does not read may take as long as
 * it likes while there is memory for all; when it runs short, who stands still is reset.
 */
export class RawStream implements StreamWriter, BulkReader, Timed {
  readonly #socket: Socket;
  readonly #resources: CodecResources;
  readonly #receiver: RawReceiver;
  readonly #noRouteAnswer: Buffer | undefined;
  readonly #output: OutputBuffer;
  readonly #reader = new StalledReader();
  #movedAtMs: number;
  #held: HeldData | undefined = undefined;
  #endAfterHeld = false;
  #unconsumedBytes = 0;
  #windowFull = false;
  /** It has read its part of this turn of the event loop. */
  #turnUsedUp = false;
  #readEnded = false;
  #writeEnded = false;
  #over = false;

  /** @param noRouteAnswer what a raw client reads when there is no such service; without it its connection is reset */
  constructor(socket: Socket, resources: CodecResources, receiver: RawReceiver, noRouteAnswer?: Buffer) {
    this.#noRouteAnswer = noRouteAnswer;
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
    resources.reads.listen(socket, (chunk) => this.#read(chunk));
    socket.on('end', () => this.#readEnd());
    // The reason changes nothing: both ends of the exchange see a reset.
    socket.on('error', () => this.#break());
    socket.on('close', () => {
      resources.timers.remove(this);
      this.#break();
      // Also after a good end: what the socket had not sent was counted until now.
      this.#output.close();
    });
    resources.timers.schedule(this, TICK_MS);
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
    if (block[1] === NO_ROUTE_STATUS && this.#noRouteAnswer !== undefined) this.#answer(this.#noRouteAnswer);
    else if (block[1] !== '200') this.reset(H2_ERROR.CONNECT_ERROR);
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
    if (!this.#hold(chunk, start + taken, end)) {
      this.#giveUp('held-bytes-exhausted');
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
    this.#resetSocket();
  }

  /** Ends it at once; the receiver is told that it is broken. */
  destroy(): void {
    this.#socket.destroy();
  }

  consumed(bytes: number): void {
    this.#unconsumedBytes -= bytes;
    if (!this.#windowFull || this.#unconsumedBytes > READ_WINDOW_BYTES / 2) return;
    this.#windowFull = false;
    this.#resume();
  }

  readOn(): void {
    this.#turnUsedUp = false;
    this.#resume();
  }

  #resume(): void {
    if (!this.#windowFull && !this.#turnUsedUp) this.#socket.resume();
  }

  #answer(last: Buffer): void {
    if (this.#over) return;
    this.#close();
    this.#socket.write(last);
    this.#socket.destroySoon();
  }

  /** Also after a good end: what is on its way out then waits for the peer, too. */
  onTick(nowMs: number): number {
    const socket = this.#socket;
    const { handedBytes, queuedBytes } = this.#output;
    const unsentBytes = this.#writeEnded ? socket.writableLength : queuedBytes;
    const waiting = unsentBytes > 0 || this.#held !== undefined;
    const stoodStillMs = this.#reader.stoodStillMs(nowMs, handedBytes - unsentBytes, waiting);
    const { heldBytes } = this.#resources;
    if (heldBytes.crowded && stoodStillMs >= heldBytes.patienceMs(0)) this.#giveUp('flush-timeout');
    return socket.destroyed ? 0 : nowMs + TICK_MS;
  }

  #hold(chunk: Buffer, start: number, end: number): boolean {
    const pool = this.#resources.heldBytes;
    this.#held ??= new HeldData(pool);
    const bytes = this.#output.queuedBytes + this.#held.bytes + end - start;
    return !pool.exceedsShare(bytes) && this.#held.add(chunk, start, end);
  }

  /** The other half hears of it when the socket has closed, for it may be the one that is calling. */
  #giveUp(reason: RejectionReason): void {
    if (this.#socket.destroyed) return;
    this.#receiver.rejected(reason);
    this.#resetSocket();
  }

  /** Node resets plain sockets alone; without a close_notify its end is no good end (RFC 8446 section 6.1). */
  #resetSocket(): void {
    if (this.#socket instanceof TLSSocket) this.#socket.destroy();
    else resetSocket(this.#socket);
  }

  #read(chunk: Buffer): void {
    if (this.#over) return;
    this.#movedAtMs = this.#resources.timers.nowMs;
    this.#unconsumedBytes += chunk.length;
    this.#receiver.data(chunk, 0, chunk.length, false);
    // Nearly always all of it was taken by now.
    if (this.#unconsumedBytes >= READ_WINDOW_BYTES) this.#windowFull = true;
    if (this.#resources.readTurns.usedUp(this, chunk.length)) this.#turnUsedUp = true;
    if (this.#windowFull || this.#turnUsedUp) this.#socket.pause();
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
