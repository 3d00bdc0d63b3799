import type { Socket } from 'node:net';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import { HpackDecoder } from '../hpack/decoder.ts';
import { HpackEncoder } from '../hpack/encoder.ts';
import { HpackError } from '../hpack/hpack-error.ts';
import { OutputBuffer } from '../http/output.ts';
import type { CodecResources } from '../http/resources.ts';
import { socketErrorText } from '../http/socket-error.ts';
import { H2_ERROR, type HeaderBlock } from '../http/stream.ts';
import { type ClockTarget, ConnectionClock } from './connection-clock.ts';
import { FloodGuard, MAX_UNSENT_ANSWERS } from './flood-guard.ts';
import { DEFAULT_FRAME_BYTES, FLAG, Http2ConnectionError, MAX_STREAM_ID } from './frame.ts';
import { FrameDispatch, type FrameTarget } from './frame-dispatch.ts';
import { FrameReader } from './frame-reader.ts';
import { FrameWriter } from './frame-writer.ts';
import { HeaderAssembler } from './header-assembler.ts';
import type { Http2Options } from './options.ts';
import { ReceiveFlow } from './receive-flow.ts';
import { RecentResets } from './recent-resets.ts';
import { SendFlow } from './send-flow.ts';
import { applySettings, initialPeerSettings, type PeerSettings, SETTING } from './settings.ts';
import type { Http2Stream, StreamOwner } from './stream.ts';
import { StreamTable } from './stream-table.ts';
import { UnsentAnswers } from './unsent-answers.ts';

/** Where a connection is in its life. */
export type ConnectionPhase =
  | 'open'
  /** No new streams; it closes when the last one ends. */
  | 'draining'
  /** The last frames are on their way; what still comes in is dropped. */
  | 'closing'
  | 'closed';

/** Open at once where the peer says how many there may be. */
const USUAL_STREAMS = 250;

/** What both roles of an HTTP/2 connection do: settings, streams, flow control, and how it ends. */
export abstract class Http2Connection implements FrameTarget, StreamOwner, ClockTarget {
  readonly streams: StreamTable;
  readonly sendFlow: SendFlow;
  readonly receiveFlow: ReceiveFlow;
  protected readonly socket: Socket;
  protected readonly options: Http2Options;
  protected readonly resources: CodecResources;
  protected readonly writer: FrameWriter;
  protected readonly output: OutputBuffer;
  protected readonly decoder: HpackDecoder;
  protected readonly peer: PeerSettings = initialPeerSettings();
  protected phase: ConnectionPhase = 'open';
  readonly #encoder: HpackEncoder;
  readonly #assembler: HeaderAssembler;
  readonly #reader: FrameReader;
  readonly #clock: ConnectionClock;
  readonly #recentResets = new RecentResets();
  readonly #role: 'server' | 'client';
  readonly #guard: FloodGuard | undefined;
  readonly #unsentAnswers = new UnsentAnswers();
  #paused = false;
  #settingsSeen = false;
  #endReason = 'closed by the peer';

  constructor(socket: Socket, role: 'server' | 'client', options: Http2Options, resources: CodecResources) {
    this.socket = socket;
    this.options = options;
    this.resources = resources;
    this.#role = role;
    this.streams = new StreamTable(options.maxConcurrentStreams || USUAL_STREAMS);
    const { heldBytes, scratch, sensitiveNames: sensitive, fieldStrings: strings } = resources;
    this.output = new OutputBuffer(socket, {
      turn: resources.turn,
      slabs: resources.largeSlabs,
      pool: heldBytes,
      highWaterBytes: options.highWaterBytes,
      onRoom: () => this.#roomIsBack(),
    });
    const { headerTableBytes: maxTableBytes, maxFields, maxHeaderListBytes: maxListBytes, huffman } = options;
    this.#encoder = new HpackEncoder({ maxTableBytes, huffman, sensitive, strings });
    const limits = { maxTableBytes, maxFields, maxListBytes };
    this.decoder = new HpackDecoder({ ...limits, sensitive, strings }, scratch);
    this.writer = new FrameWriter(this.output, this.#encoder, scratch);
    this.sendFlow = new SendFlow(this.writer, this.output, resources, options.flood !== undefined);
    this.receiveFlow = new ReceiveFlow(this.writer, options, resources, this.streams);
    this.#assembler = new HeaderAssembler(options.headerLimits, heldBytes);
    this.#guard =
      options.flood === undefined ? undefined : new FloodGuard(options.flood, resources.timers.nowMs);
    this.#reader = new FrameReader(new FrameDispatch(this, this.#assembler, this.decoder, this.#guard), {
      maxFrameBytes: DEFAULT_FRAME_BYTES,
      expectPreface: role === 'server',
      pool: heldBytes,
    });
    this.#clock = new ConnectionClock(this, options, resources);
  }

  abstract headersReceived(streamId: number, block: HeaderBlock, endStream: boolean): void;
  abstract isIdle(streamId: number): boolean;
  abstract streamReset(stream: Http2Stream, errorCode: number): void;
  abstract goAwayReceived(lastStreamId: number, errorCode: number): void;
  /** A stream broke a rule, or its held data found no room; it is reset and closed already. */
  protected abstract streamFailed(stream: Http2Stream, errorCode: number, reason: string): void;
  /** The connection ended under a stream. */
  protected abstract streamLost(stream: Http2Stream): void;
  /** A stream ended, the peer's settings changed, or the phase. */
  protected abstract availabilityMayHaveChanged(): void;
  protected abstract rejected(reason: RejectionReason): void;
  protected abstract connectionClosed(reason: string): void;
  /** Highest id of the peer's streams that we have taken on. */
  protected abstract get lastPeerStreamId(): number;

  get openStreams(): number {
    return this.streams.size;
  }

  get nowMs(): number {
    return this.resources.timers.nowMs;
  }

  /** Last call of the subclasses' constructors: from here on the socket may call. */
  protected start(): void {
    const { socket, writer } = this;
    if (this.#role === 'client') writer.preface();
    writer.settings(this.#ourSettings());
    this.receiveFlow.open();
    socket.setNoDelay(true);
    this.resources.reads.listen(socket, (chunk) => this.#read(chunk));
    socket.on('error', (error) => {
      this.#endReason = socketErrorText(error);
    });
    socket.on('end', () => this.close(this.#endReason));
    socket.on('close', () => this.#socketClosed());
    this.#clock.start();
    // It was closed before we came: there will be no event.
    if (socket.destroyed) queueMicrotask(() => this.#socketClosed());
  }

  #ourSettings(): ReadonlyArray<readonly [number, number]> {
    const { options } = this;
    const settings: [number, number][] = [
      [SETTING.INITIAL_WINDOW_SIZE, options.streamWindowBytes],
      [SETTING.MAX_HEADER_LIST_SIZE, options.maxHeaderListBytes],
      [SETTING.HEADER_TABLE_SIZE, options.headerTableBytes],
    ];
    if (this.#role === 'client') settings.push([SETTING.ENABLE_PUSH, 0]);
    else {
      settings.push([SETTING.MAX_CONCURRENT_STREAMS, options.maxConcurrentStreams]);
      if (options.connectProtocol) settings.push([SETTING.ENABLE_CONNECT_PROTOCOL, 1]);
    }
    return settings;
  }

  /** Ends it at once. */
  destroy(): void {
    this.close('closed by us');
    this.socket.destroy();
  }

  /** Tells the peer what rule it broke, and ends. */
  protected fail(errorCode: number, reason: RejectionReason, message: string): void {
    if (this.phase === 'closing' || this.phase === 'closed') return;
    this.rejected(reason);
    this.writer.goAway(this.lastPeerStreamId, errorCode, message.slice(0, 100));
    this.close(message, 'abruptly');
  }

  /** Sends what is written, fails what is under way, and closes; the peer gets a moment to read it. */
  protected close(reason: string, how: 'in-order' | 'abruptly' = 'in-order'): void {
    if (this.phase === 'closing' || this.phase === 'closed') return;
    this.phase = 'closing';
    this.#endReason = reason;
    this.#reader.stop();
    this.#assembler.forget();
    this.#loseStreams();
    this.availabilityMayHaveChanged();
    this.output.end();
    this.#clock.closing(how);
    if (this.#paused) this.socket.resume();
  }

  protected closeWhenDrained(): void {
    if (this.phase === 'draining' && this.streams.size === 0) this.close('drained');
  }

  #socketClosed(): void {
    if (this.phase === 'closed') return;
    this.phase = 'closed';
    this.#reader.stop();
    this.#assembler.forget();
    this.output.close();
    this.#clock.stop();
    this.#loseStreams();
    this.connectionClosed(this.#endReason);
  }

  #loseStreams(): void {
    const streams = this.streams.all();
    this.streams.clear();
    for (const stream of streams) {
      stream.state = 'closed';
      this.sendFlow.forget(stream);
    }
    for (const stream of streams) this.streamLost(stream);
  }

  #read(chunk: Buffer): void {
    if (this.phase === 'closing' && !this.#clock.dropped(chunk.length)) this.socket.destroy();
    if (this.phase === 'closing' || this.phase === 'closed') return;
    this.#clock.heard();
    try {
      this.#reader.read(chunk);
    } catch (error) {
      if (error instanceof Http2ConnectionError) this.fail(error.code, error.reason, error.message);
      else if (error instanceof HpackError) {
        this.fail(H2_ERROR.COMPRESSION_ERROR, 'compression', error.message);
      } else {
        // Such a defect must not end all connections of the worker.
        this.resources.onDefect(error);
        this.fail(H2_ERROR.INTERNAL_ERROR, 'internal', 'internal error');
      }
    }
    if (this.#role === 'server' && this.output.queuedBytes > 2 * this.options.highWaterBytes) this.#pause();
  }

  /** A client that reads no answers may ask no more. A client role never pauses, or both sides could wait. */
  #pause(): void {
    this.#paused = true;
    this.socket.pause();
    this.output.waitForRoom();
  }

  #roomIsBack(): void {
    if (this.#paused) {
      this.#paused = false;
      this.socket.resume();
    }
    this.sendFlow.pump();
    this.availabilityMayHaveChanged();
  }

  // What streams ask for.

  writeHeaders(stream: Http2Stream, block: HeaderBlock, endStream: boolean): void {
    this.writer.headers(stream.id, block, endStream);
  }

  writeData(stream: Http2Stream, chunk: Buffer, start: number, end: number, endStream: boolean): number {
    const sent = this.sendFlow.send(stream, chunk, start, end, endStream);
    if (sent >= 0) return sent;
    stream.reset(H2_ERROR.ENHANCE_YOUR_CALM);
    this.rejected('held-bytes-exhausted');
    queueMicrotask(() => this.streamFailed(stream, H2_ERROR.ENHANCE_YOUR_CALM, 'held-bytes-exhausted'));
    return 0;
  }

  writeReset(stream: Http2Stream, errorCode: number): void {
    this.#recentResets.add(stream.id);
    this.writer.reset(stream.id, errorCode);
  }

  returnCredit(stream: Http2Stream, bytes: number): void {
    this.receiveFlow.consumed(stream, bytes);
  }

  streamClosed(stream: Http2Stream): void {
    this.streams.delete(stream.id);
    this.sendFlow.forget(stream);
    this.availabilityMayHaveChanged();
    if (this.phase === 'draining') this.closeWhenDrained();
  }

  // What frames ask for.

  answerQueued(): number {
    return this.#unsentAnswers.add(this.output);
  }

  wasReset(streamId: number): boolean {
    return this.#recentResets.has(streamId);
  }

  streamError(streamId: number, errorCode: number, reason: RejectionReason): void {
    this.rejected(reason);
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      this.#recentResets.add(streamId);
      this.refusing();
      this.writer.reset(streamId, errorCode);
    } else {
      stream.reset(errorCode);
      this.streamFailed(stream, errorCode, reason);
    }
    this.cutShort();
  }

  /** We are about to refuse a request: a peer that does not read its answers must not make us keep them. */
  protected refusing(): void {
    if (this.answerQueued() > MAX_UNSENT_ANSWERS) {
      throw new Http2ConnectionError(H2_ERROR.ENHANCE_YOUR_CALM, 'control-queue-full');
    }
  }

  /** A stream was over before its end by a mistake of the peer: that costs us as much as resets of its own. */
  protected cutShort(): void {
    if (this.#guard?.allow('resets', this.nowMs) === false) {
      throw new Http2ConnectionError(H2_ERROR.ENHANCE_YOUR_CALM, 'rapid-reset');
    }
  }

  settingsReceived(payload: Buffer, start: number, end: number): void {
    // Before its first SETTINGS we were careful; what they do not name is unlimited.
    if (!this.#settingsSeen) this.peer.maxConcurrentStreams = Number.POSITIVE_INFINITY;
    this.#settingsSeen = true;
    applySettings(this.peer, payload, start, end, this.#role === 'client');
    // RFC 7541 section 4.2: the next block names the smallest size in between, too.
    this.#encoder.limitTable(this.peer.leastHeaderTableBytes);
    this.#encoder.limitTable(this.peer.headerTableBytes);
    this.sendFlow.changeInitialWindow(this.peer.initialWindowBytes, this.streams.all());
    this.writer.settingsAck();
    this.availabilityMayHaveChanged();
  }

  pingAcknowledged(payload: Buffer, start: number): boolean {
    return this.receiveFlow.pingAcknowledged(payload, start);
  }

  settingsAcknowledged(): void {
    this.receiveFlow.settingsAcknowledged();
    this.#clock.settingsAcknowledged();
  }

  pingReceived(payload: Buffer, start: number): void {
    this.writer.ping(FLAG.ACK, payload, start);
  }

  // What the clock asks.

  incomplete(): number {
    // The two are told apart by their sign: a block is not renewed by the frames that it comes in.
    if (this.#assembler.streamId !== 0) return -this.#assembler.blocks;
    return this.#reader.insideFrame ? this.#reader.partialFrames : 0;
  }

  busy(): boolean {
    return this.streams.size > 0;
  }

  stalled(): boolean {
    return this.output.queuedBytes > 0;
  }

  progress(): number {
    return this.output.handedBytes - this.output.queuedBytes;
  }

  timedOut(errorCode: number, reason: RejectionReason): void {
    this.fail(errorCode, reason, reason);
  }

  memoryShort(nowMs: number): void {
    this.receiveFlow.shrink(nowMs);
  }

  idleTooLong(): void {
    this.writer.goAway(this.lastPeerStreamId, H2_ERROR.NO_ERROR, '');
    this.close('idle');
  }

  abstract lookAtStreams(nowMs: number, heardAtMs: number): void;

  unsentBytes(): number {
    return this.socket.writableLength;
  }

  lingered(): void {
    this.socket.destroy();
  }

  endStalledStreams(sinceMs: number, shut: boolean): void {
    for (const stream of this.sendFlow.stalledSince(sinceMs, shut)) {
      this.rejected('flush-timeout');
      stream.reset(H2_ERROR.CANCEL);
      this.streamFailed(stream, H2_ERROR.CANCEL, 'flush-timeout');
    }
  }

  /** GOAWAY that ends nothing yet: the peer may still have sent requests that we will answer. */
  protected announceGoAway(): void {
    this.writer.goAway(MAX_STREAM_ID, H2_ERROR.NO_ERROR, '');
  }
}
