import type { BytePool } from '../http/byte-pool.ts';
import { HeldData } from '../http/held-data.ts';
import type { OutputBuffer } from '../http/output.ts';
import type { CodecResources } from '../http/resources.ts';
import { H2_ERROR } from '../http/stream.ts';
import type { TimerWheel } from '../http/timer-wheel.ts';
import {
  DEFAULT_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  Http2ConnectionError,
  MAX_WINDOW_BYTES,
} from './frame.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { Http2Stream } from './stream.ts';

/** One turn of a stream that has held data, before the next one's. */
const QUANTUM_BYTES = DEFAULT_FRAME_BYTES;

/**
 * What may be sent (RFC 9113 section 5.2): within the connection's window, the stream's window and what the socket
 * takes. The rest is held per stream and leaves in turns, so that no stream stands before the others.
 */
export class SendFlow {
  readonly #writer: FrameWriter;
  readonly #output: OutputBuffer;
  readonly #pool: BytePool;
  readonly #timers: TimerWheel;
  readonly #shares: boolean;
  #connectionWindowBytes = DEFAULT_WINDOW_BYTES;
  #initialWindowBytes = DEFAULT_WINDOW_BYTES;
  /** Streams with held data and a window of their own, that wait for the connection's window or the socket. */
  readonly #waiting = new Set<Http2Stream>();
  /** All streams with held data. */
  readonly #held = new Set<Http2Stream>();
  #heldBytes = 0;
  /** All DATA bytes ever sent: shows whether there is progress. */
  #sentBytes = 0;
  #dataFrames = 0;

  /** `shares`: it is one of many, and may hold no more than its share when the worker's pool runs low. */
  constructor(writer: FrameWriter, output: OutputBuffer, resources: CodecResources, shares: boolean) {
    this.#writer = writer;
    this.#output = output;
    this.#pool = resources.heldBytes;
    this.#timers = resources.timers;
    this.#shares = shares;
  }

  get initialWindowBytes(): number {
    return this.#initialWindowBytes;
  }

  get connectionWindowBytes(): number {
    return this.#connectionWindowBytes;
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  get dataFrames(): number {
    return this.#dataFrames;
  }

  /** Whether some stream has data that could not be sent yet. */
  get stalled(): boolean {
    return this.#held.size > 0;
  }

  /** Streams with held data of which nothing could be sent since `sinceMs`; `shut`: those whose own window is used up. */
  stalledSince(sinceMs: number, shut: boolean): Http2Stream[] {
    return [...this.#held].filter(
      ({ progressAtMs, sendWindowBytes }) => progressAtMs <= sinceMs && (!shut || sendWindowBytes <= 0),
    );
  }

  /**
   * Sends what may be sent now and holds the rest; returns how much was sent, or -1 when the rest could not be held
   * (the worker's pool is exhausted): then nothing more may be sent on the stream.
   */
  send(stream: Http2Stream, chunk: Buffer, start: number, end: number, endStream: boolean): number {
    let sent = 0;
    if (stream.held === undefined) {
      const wanted = end - start;
      sent = Math.min(wanted, this.#allowed(stream));
      if (sent > 0 || wanted === 0)
        this.#write(stream, chunk, start, start + sent, endStream && sent === wanted);
      if (sent === wanted) return sent;
      stream.held = new HeldData(this.#pool);
      stream.progressAtMs = this.#timers.nowMs;
      this.#held.add(stream);
    }
    const bytes = end - start - sent;
    if (this.#shares && this.#pool.exceedsShare(this.#heldBytes + bytes)) return -1;
    if (!stream.held.add(chunk, start + sent, end)) return -1;
    this.#heldBytes += bytes;
    if (endStream) stream.heldEnd = true;
    this.#wait(stream);
    return sent;
  }

  /** @throws Http2ConnectionError when the window grows past 2^31-1. */
  widenConnection(bytes: number): void {
    this.#connectionWindowBytes += bytes;
    if (this.#connectionWindowBytes > MAX_WINDOW_BYTES) {
      throw new Http2ConnectionError(H2_ERROR.FLOW_CONTROL_ERROR, 'window-overflow');
    }
    if (this.#waiting.size > 0) this.pump();
  }

  /** False when the stream's window grows past 2^31-1. */
  widenStream(stream: Http2Stream, bytes: number): boolean {
    stream.sendWindowBytes += bytes;
    if (stream.sendWindowBytes > MAX_WINDOW_BYTES) return false;
    if (stream.held !== undefined) {
      this.#wait(stream);
      this.pump();
    }
    return true;
  }

  /**
   * The peer changed SETTINGS_INITIAL_WINDOW_SIZE: all windows move by the difference, also below zero (section 6.9.2).
   * @throws Http2ConnectionError when one grows past 2^31-1.
   */
  changeInitialWindow(bytes: number, streams: Iterable<Http2Stream>): void {
    const change = bytes - this.#initialWindowBytes;
    this.#initialWindowBytes = bytes;
    if (change === 0) return;
    for (const stream of streams) {
      stream.sendWindowBytes += change;
      if (stream.sendWindowBytes > MAX_WINDOW_BYTES) {
        throw new Http2ConnectionError(H2_ERROR.FLOW_CONTROL_ERROR, 'window-overflow');
      }
      if (stream.held !== undefined) this.#wait(stream);
    }
    this.pump();
  }

  /** Lets held data go, one quantum of each stream after the other, as far as windows and the socket allow. */
  pump(): void {
    for (const stream of this.#waiting) {
      if (this.#connectionWindowBytes <= 0) return;
      if (this.#output.room <= 0) {
        this.#output.waitForRoom();
        return;
      }
      // Deleted and added again it is at the end of this very iteration.
      this.#waiting.delete(stream);
      this.#pumpOne(stream);
    }
  }

  forget(stream: Http2Stream): void {
    if (stream.held === undefined) return;
    this.#waiting.delete(stream);
    this.#heldBytes -= stream.held.bytes;
    stream.held.clear();
    stream.held = undefined;
    this.#held.delete(stream);
  }

  #pumpOne(stream: Http2Stream): void {
    const { held } = stream;
    const first = held?.first;
    if (held === undefined || first === undefined) return;
    const bytes = Math.min(QUANTUM_BYTES, first.end - first.start, this.#allowed(stream));
    if (bytes <= 0) {
      this.#wait(stream);
      return;
    }
    const last = bytes === held.bytes;
    const ends = last && stream.heldEnd === true;
    this.#write(stream, first.buffer, first.start, first.start + bytes, ends);
    held.shift(bytes);
    this.#heldBytes -= bytes;
    stream.progressAtMs = this.#timers.nowMs;
    if (!last) this.#wait(stream);
    else {
      stream.held = undefined;
      this.#held.delete(stream);
    }
    // The end first: who hears that nothing is held any more may close the stream.
    if (last && stream.canSend) stream.endAfterHeld();
    stream.deliverDrained(bytes);
  }

  /** A stream without a window of its own waits for its WINDOW_UPDATE instead. */
  #wait(stream: Http2Stream): void {
    if (stream.sendWindowBytes <= 0) return;
    this.#waiting.add(stream);
    if (this.#output.room <= 0) this.#output.waitForRoom();
  }

  #allowed(stream: Http2Stream): number {
    return Math.max(0, Math.min(stream.sendWindowBytes, this.#connectionWindowBytes, this.#output.room));
  }

  #write(stream: Http2Stream, chunk: Buffer, start: number, end: number, endStream: boolean): void {
    stream.sendWindowBytes -= end - start;
    this.#connectionWindowBytes -= end - start;
    this.#sentBytes += end - start;
    let at = start;
    do {
      const frameEnd = Math.min(end, at + DEFAULT_FRAME_BYTES);
      this.#writer.data(stream.id, chunk, at, frameEnd, endStream && frameEnd === end);
      this.#dataFrames++;
      at = frameEnd;
    } while (at < end);
  }
}
