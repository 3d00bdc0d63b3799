import type { Socket } from 'node:net';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import { Linger } from '../http/linger.ts';
import { OutputBuffer } from '../http/output.ts';
import type { BulkReader } from '../http/read-turns.ts';
import type { CodecResources } from '../http/resources.ts';
import { socketErrorText } from '../http/socket-error.ts';
import { StalledReader } from '../http/stalled-reader.ts';
import type { HeaderBlock } from '../http/stream.ts';
import type { Timed } from '../http/timer-wheel.ts';
import { BodyReader, type BodySink } from './body-reader.ts';
import { BodyWriter, type BodyWriterOwner } from './body-writer.ts';
import { HeadBuffer } from './head-buffer.ts';
import { HeadError, type HeadRules } from './head-fields.ts';
import type { Http1Options } from './options.ts';

const TICK_MS = 1000;

/** What both roles of an HTTP/1 connection do: bytes in and out, backpressure, time, ends. */
export abstract class Http1Connection implements BodySink, BodyWriterOwner, BulkReader, Timed {
  protected readonly socket: Socket;
  protected readonly options: Http1Options;
  protected readonly resources: CodecResources;
  protected readonly rules: HeadRules;
  protected readonly output: OutputBuffer;
  protected readonly bodyWriter: BodyWriter;
  protected readonly bodyReader: BodyReader;
  protected readonly headBuffer: HeadBuffer;
  protected life: 'open' | 'closing' | 'closed' = 'open';
  protected endReason = 'closed by the peer';
  protected activeAtMs = 0;
  readonly #linger = new Linger();
  readonly #reader = new StalledReader();
  #unconsumedBytes = 0;
  #windowFull = false;
  #readingStopped = false;
  /** It has read its part of this turn of the event loop. */
  #turnUsedUp = false;
  #paused = false;

  constructor(socket: Socket, options: Http1Options, resources: CodecResources) {
    this.socket = socket;
    this.options = options;
    this.resources = resources;
    this.rules = {
      maxFields: options.maxFields,
      names: resources.fieldNames,
      strings: resources.fieldStrings,
      memory: { goodAuthority: undefined, goodPath: '' },
    };
    this.output = new OutputBuffer(socket, {
      turn: resources.turn,
      slabs: resources.smallSlabs,
      bulkSlabs: resources.largeSlabs,
      pool: resources.heldBytes,
      highWaterBytes: options.highWaterBytes,
      onRoom: () => this.bodyWriter.pump(),
    });
    this.bodyWriter = new BodyWriter(this.output, resources.heldBytes, this);
    this.bodyReader = new BodyReader(this, this.rules);
    this.headBuffer = new HeadBuffer(options.maxHeadBytes, resources.heldBytes);
  }

  /** Takes what came in. @throws HeadError for what is not HTTP/1. */
  protected abstract received(chunk: Buffer): void;
  /** The peer has ended its sending side. */
  protected abstract peerEnded(): void;
  /** What came in breaks the protocol. */
  protected abstract broken(error: HeadError): void;
  /** The socket is gone, or is being closed: fail what is under way. */
  protected abstract lost(): void;
  protected abstract over(reason: string): void;
  /** After its end the peer sent more than is read and dropped. */
  protected abstract sentEndlessly(): void;
  /** Looks at deadlines. */
  protected abstract look(nowMs: number): void;

  abstract bodyData(chunk: Buffer, start: number, end: number, endOfBody: boolean): void;
  abstract bodyTrailers(block: HeaderBlock): void;
  abstract bodyDrained(bytes: number): void;
  abstract bodyWritten(): void;
  abstract bodyBroken(reason: RejectionReason): void;

  /** Last call of the subclasses' constructors: from here on the socket may call. */
  protected start(): void {
    const { socket } = this;
    socket.setNoDelay(true);
    this.resources.reads.listen(socket, (chunk) => this.#read(chunk));
    socket.on('error', (error) => {
      this.endReason = socketErrorText(error);
    });
    socket.on('end', () => {
      if (this.life === 'open') this.peerEnded();
    });
    socket.on('close', () => this.#socketClosed());
    this.resources.timers.schedule(this, TICK_MS);
    this.activeAtMs = this.resources.timers.nowMs;
    // It was closed before we came: there will be no event.
    if (socket.destroyed) queueMicrotask(() => this.#socketClosed());
  }

  onTick(nowMs: number): number {
    if (this.life === 'closing') {
      this.#lookAtLinger(nowMs);
    } else this.look(nowMs);
    return this.isClosed() ? 0 : nowMs + TICK_MS;
  }

  #lookAtLinger(nowMs: number): void {
    const verdict = this.#linger.look(nowMs, this.socket.writableLength, this.patienceMs);
    if (verdict === 'endless') this.sentEndlessly();
    if (verdict !== 'wait') this.socket.destroy();
  }

  /** For a peer that takes nothing; 0 = for ever. */
  protected get patienceMs(): number {
    return this.resources.heldBytes.patienceMs(this.options.flushTimeoutMs);
  }

  /** For how long the peer has taken nothing of what waits for it; asked once a look. */
  protected stoodStillMs(nowMs: number): number {
    const { handedBytes, queuedBytes } = this.output;
    const waiting = queuedBytes > 0 || this.bodyWriter.stalled;
    return this.#reader.stoodStillMs(nowMs, handedBytes - queuedBytes, waiting);
  }

  protected isClosed(): boolean {
    return this.life === 'closed';
  }

  /** Ends it at once. */
  destroy(): void {
    if (this.life === 'closed') return;
    this.endReason = 'closed by us';
    this.socket.destroy();
    this.#socketClosed();
  }

  /** Sends what is written and closes; the peer gets a moment to read it. */
  protected finish(reason: string): void {
    if (this.life !== 'open') return;
    this.life = 'closing';
    this.endReason = reason;
    this.bodyWriter.abandon();
    this.lost();
    this.output.end();
    // What still comes in is read and dropped: unread bytes would make the kernel throw our last ones away.
    this.#updatePause();
  }

  /** Body bytes went to the other side, which has not taken them yet. */
  protected delivered(bytes: number): void {
    this.#unconsumedBytes += bytes;
    if (this.#windowFull || this.#unconsumedBytes < this.options.readWindowBytes) return;
    this.#windowFull = true;
    this.#updatePause();
  }

  /** The other side took them. */
  protected returned(bytes: number): void {
    this.#unconsumedBytes -= bytes;
    if (!this.#windowFull || this.#unconsumedBytes > this.options.readWindowBytes / 2) return;
    this.#windowFull = false;
    this.#updatePause();
  }

  /** A new message: what the last one's receiver never took does not count any more. */
  protected resetWindow(): void {
    this.#unconsumedBytes = 0;
    this.#windowFull = false;
    this.#updatePause();
  }

  /** There is more than can be looked at now. */
  protected stopReading(stopped: boolean): void {
    this.#readingStopped = stopped;
    this.#updatePause();
  }

  #updatePause(): void {
    const stopped = this.#windowFull || this.#readingStopped || this.#turnUsedUp;
    const pause = this.life === 'open' && stopped;
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.socket.pause();
    else this.socket.resume();
  }

  #read(chunk: Buffer): void {
    if (this.life === 'closing') this.#drop(chunk.length);
    if (this.life !== 'open') return;
    this.activeAtMs = this.resources.timers.nowMs;
    this.guard(() => this.received(chunk));
    if (!this.resources.readTurns.usedUp(this, chunk.length)) return;
    this.#turnUsedUp = true;
    this.#updatePause();
  }

  #drop(bytes: number): void {
    if (this.#linger.dropped(this.resources.timers.nowMs, bytes)) return;
    this.sentEndlessly();
    this.destroy();
  }

  readOn(): void {
    this.#turnUsedUp = false;
    this.#updatePause();
  }

  /** Runs what may find a broken message. */
  protected guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (error instanceof HeadError) this.broken(error);
      else {
        // Such a defect must not end all connections of the worker.
        this.resources.onDefect(error);
        this.broken(new HeadError('internal', 500));
      }
    }
  }

  #socketClosed(): void {
    if (this.life === 'closed') return;
    const wasOpen = this.life === 'open';
    this.life = 'closed';
    this.resources.timers.remove(this);
    this.headBuffer.forget();
    this.bodyWriter.abandon();
    this.output.close();
    if (wasOpen) this.lost();
    this.over(this.endReason);
  }
}
