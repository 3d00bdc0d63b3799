import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { HpackDecoder } from '../hpack/decoder.ts';
import { H2_ERROR, type HeaderBlock } from '../http/stream.ts';
import { type FloodGuard, type FloodKind, MAX_UNSENT_ANSWERS } from './flood-guard.ts';
import { FLAG, FRAME, Http2ConnectionError, readUint31, readUint32 } from './frame.ts';
import type { FrameSink } from './frame-reader.ts';
import type { HeaderAssembler } from './header-assembler.ts';
import type { ReceiveFlow } from './receive-flow.ts';
import type { SendFlow } from './send-flow.ts';
import { SETTING_BYTES } from './settings.ts';
import type { Http2Stream } from './stream.ts';
import type { StreamTable } from './stream-table.ts';

/** The connection that frames are for. */
export interface FrameTarget {
  readonly streams: StreamTable;
  readonly sendFlow: SendFlow;
  readonly receiveFlow: ReceiveFlow;
  /** Coarse monotonic time. */
  readonly nowMs: number;
  /** Answers that the socket has not taken yet, this one included. */
  answerQueued(): number;
  /** A block is complete and decoded; what is wrong with it is in `decoder.flaw`. */
  headersReceived(streamId: number, block: HeaderBlock, endStream: boolean): void;
  /** Whether the id belongs to a stream that no one has begun yet. */
  isIdle(streamId: number): boolean;
  /** Whether we ended the stream a moment ago, so that its peer may not know yet. */
  wasReset(streamId: number): boolean;
  streamReset(stream: Http2Stream, errorCode: number): void;
  /** A stream broke a rule: RST_STREAM, and its receiver is told. */
  streamError(streamId: number, errorCode: number, reason: RejectionReason): void;
  goAwayReceived(lastStreamId: number, errorCode: number): void;
  settingsReceived(payload: Buffer, start: number, end: number): void;
  settingsAcknowledged(): void;
  pingReceived(payload: Buffer, start: number): void;
  /** False when it answers no PING of ours. */
  pingAcknowledged(payload: Buffer, start: number): boolean;
}

/** What each frame means (RFC 9113 section 6): its checks, and the call that follows. */
export class FrameDispatch implements FrameSink {
  readonly #target: FrameTarget;
  readonly #assembler: HeaderAssembler;
  readonly #decoder: HpackDecoder;
  readonly #guard: FloodGuard | undefined;
  #settingsSeen = false;

  constructor(
    target: FrameTarget,
    assembler: HeaderAssembler,
    decoder: HpackDecoder,
    guard: FloodGuard | undefined,
  ) {
    this.#target = target;
    this.#assembler = assembler;
    this.#decoder = decoder;
    this.#guard = guard;
  }

  data(streamId: number, flags: number, chunk: Buffer, start: number, end: number): void {
    this.#expectNoContinuation();
    this.#target.receiveFlow.received(end - start);
    const stream = this.#receivingStream(streamId);
    if (stream !== undefined) this.#deliver(stream, flags, chunk, start, end, 0);
  }

  frame(type: number, flags: number, streamId: number, chunk: Buffer, start: number, end: number): void {
    if (!this.#settingsSeen) this.#expectSettings(type, flags);
    if (type === FRAME.HEADERS) {
      this.#expectNoContinuation();
      if (streamId === 0) throw protocolError('stream-id');
      if (this.#assembler.headers(streamId, flags, chunk, start, end)) this.#blockComplete(streamId);
    } else if (type === FRAME.CONTINUATION) {
      if (this.#assembler.continuation(streamId, flags, chunk, start, end)) this.#blockComplete(streamId);
    } else {
      this.#expectNoContinuation();
      if (streamId === 0) this.#connectionFrame(type, flags, chunk, start, end);
      else this.#streamFrame(type, flags, streamId, chunk, start, end);
    }
  }

  #blockComplete(streamId: number): void {
    const { chunk, start, end, endStream } = this.#assembler;
    const block = this.#decoder.decode(chunk, start, end);
    this.#assembler.release();
    this.#target.headersReceived(streamId, block, endStream);
  }

  #expectNoContinuation(): void {
    if (this.#assembler.streamId !== 0) throw protocolError('continuation-missing');
  }

  /** RFC 9113 section 3.4: SETTINGS come first. */
  #expectSettings(type: number, flags: number): void {
    if (type !== FRAME.SETTINGS || (flags & FLAG.ACK) !== 0) throw protocolError('settings-missing');
    this.#settingsSeen = true;
  }

  /** Frames of the connection itself. */
  #connectionFrame(type: number, flags: number, chunk: Buffer, start: number, end: number): void {
    switch (type) {
      case FRAME.SETTINGS:
        this.#settings(flags, chunk, start, end);
        return;
      case FRAME.PING:
        this.#ping(flags, chunk, start, end);
        return;
      case FRAME.WINDOW_UPDATE: {
        const increment = this.#increment(chunk, start, end);
        if (increment === 0) throw protocolError('window-increment');
        this.#target.sendFlow.widenConnection(increment);
        return;
      }
      case FRAME.GOAWAY:
        if (end - start < 8) throw frameSize();
        this.#allow('goAways');
        this.#target.goAwayReceived(readUint31(chunk, start), readUint32(chunk, start + 4));
        return;
      case FRAME.DATA:
      case FRAME.PRIORITY:
      case FRAME.RST_STREAM:
      case FRAME.PUSH_PROMISE:
        throw protocolError('stream-id');
      default:
        this.#allow('unknown');
        return;
    }
  }

  #streamFrame(
    type: number,
    flags: number,
    streamId: number,
    chunk: Buffer,
    start: number,
    end: number,
  ): void {
    switch (type) {
      case FRAME.DATA:
        this.#paddedData(streamId, flags, chunk, start, end);
        return;
      case FRAME.WINDOW_UPDATE:
        this.#widen(streamId, this.#increment(chunk, start, end));
        return;
      case FRAME.RST_STREAM:
        this.#reset(streamId, chunk, start, end);
        return;
      case FRAME.PRIORITY:
        // Ignored (RFC 9113 section 5.3.2), but it must be one.
        this.#allow('priorities');
        if (end - start !== 5) this.#wrongPriority(streamId);
        return;
      case FRAME.PUSH_PROMISE:
        throw protocolError('push-promise');
      case FRAME.SETTINGS:
      case FRAME.PING:
      case FRAME.GOAWAY:
        throw protocolError('stream-id');
      default:
        this.#allow('unknown');
        return;
    }
  }

  /** RFC 9113 section 6.4: a stream that is idle must not be reset. */
  #wrongPriority(streamId: number): void {
    if (this.#target.isIdle(streamId)) throw frameSize();
    this.#target.streamError(streamId, H2_ERROR.FRAME_SIZE_ERROR, 'frame-size');
  }

  #settings(flags: number, chunk: Buffer, start: number, end: number): void {
    if ((flags & FLAG.ACK) !== 0) {
      if (end !== start) throw frameSize();
      this.#allow('settings');
      this.#target.settingsAcknowledged();
      return;
    }
    if ((end - start) % SETTING_BYTES !== 0) throw frameSize();
    this.#allow('settings');
    this.#answering();
    this.#target.settingsReceived(chunk, start, end);
  }

  #ping(flags: number, chunk: Buffer, start: number, end: number): void {
    if (end - start !== 8) throw frameSize();
    if ((flags & FLAG.ACK) !== 0) {
      if (!this.#target.pingAcknowledged(chunk, start)) this.#allow('pings');
      return;
    }
    this.#allow('pings');
    this.#answering();
    this.#target.pingReceived(chunk, start);
  }

  #increment(chunk: Buffer, start: number, end: number): number {
    if (end - start !== 4) throw frameSize();
    if (this.#guard?.allowWindowUpdate(this.#target.nowMs, this.#target.sendFlow.dataFrames) === false) {
      throw tooMuch('window-update-flood');
    }
    return readUint31(chunk, start);
  }

  #widen(streamId: number, increment: number): void {
    const stream = this.#target.streams.get(streamId);
    if (stream === undefined) {
      if (this.#target.isIdle(streamId)) throw protocolError('stream-idle');
      return;
    }
    if (increment === 0) {
      this.#target.streamError(streamId, H2_ERROR.PROTOCOL_ERROR, 'window-increment');
    } else if (!this.#target.sendFlow.widenStream(stream, increment)) {
      this.#target.streamError(streamId, H2_ERROR.FLOW_CONTROL_ERROR, 'window-overflow');
    }
  }

  #reset(streamId: number, chunk: Buffer, start: number, end: number): void {
    if (end - start !== 4) throw frameSize();
    if (this.#target.isIdle(streamId)) throw protocolError('stream-idle');
    this.#allow('resets');
    const stream = this.#target.streams.get(streamId);
    if (stream !== undefined) this.#target.streamReset(stream, readUint32(chunk, start));
  }

  #paddedData(streamId: number, flags: number, chunk: Buffer, start: number, end: number): void {
    if (end === start) throw frameSize();
    const padding = (chunk[start] as number) + 1;
    if (padding > end - start) throw protocolError('padding');
    this.#target.receiveFlow.received(end - start);
    const stream = this.#receivingStream(streamId);
    if (stream !== undefined) this.#deliver(stream, flags, chunk, start + 1, end - padding + 1, padding);
  }

  #deliver(
    stream: Http2Stream,
    flags: number,
    chunk: Buffer,
    start: number,
    end: number,
    padding: number,
  ): void {
    const endStream = (flags & FLAG.END_STREAM) !== 0;
    const length = end - start;
    stream.receiveWindowBytes -= length + padding;
    if (stream.receiveWindowBytes < 0) {
      this.#target.streamError(stream.id, H2_ERROR.FLOW_CONTROL_ERROR, 'stream-window-exceeded');
      return;
    }
    if (length === 0 && !endStream) this.#emptyData(stream);
    else stream.emptyFrames = 0;
    stream.receivedBytes += length;
    if (stream.expectedBytes >= 0 && !lengthHolds(stream, endStream)) {
      this.#target.streamError(stream.id, H2_ERROR.PROTOCOL_ERROR, 'content-length-mismatch');
      return;
    }
    if (endStream) stream.endRemote();
    else if (padding > 0) this.#target.receiveFlow.consumed(stream, padding);
    stream.deliverData(chunk, start, end, endStream);
  }

  #emptyData(stream: Http2Stream): void {
    if (this.#guard === undefined) return;
    if (++stream.emptyFrames > this.#guard.limits.consecutiveEmptyData) throw tooMuch('empty-data-flood');
  }

  /** The stream when it may receive; undefined when what came in is to be dropped. */
  #receivingStream(streamId: number): Http2Stream | undefined {
    const stream = this.#target.streams.get(streamId);
    if (stream?.canReceive === true && !stream.awaitsHeaders) return stream;
    if (stream?.canReceive === true) {
      if (!this.#settingsSeen) throw protocolError('settings-missing');
      // RFC 9113 section 8.1: a message begins with its head.
      this.#target.streamError(streamId, H2_ERROR.PROTOCOL_ERROR, 'data-before-headers');
    } else if (stream !== undefined) {
      this.#target.streamError(streamId, H2_ERROR.STREAM_CLOSED, 'stream-closed');
    } else if (this.#target.isIdle(streamId)) {
      throw protocolError('stream-idle');
    } else if (!this.#target.wasReset(streamId)) {
      throw new Http2ConnectionError(H2_ERROR.STREAM_CLOSED, 'stream-closed');
    }
    return undefined;
  }

  #allow(kind: FloodKind): void {
    if (this.#guard?.allow(kind, this.#target.nowMs) === false) throw tooMuch(FLOOD_REASON[kind]);
  }

  /** We are about to answer: a peer that does not read its answers must not make us keep them. */
  #answering(): void {
    const limit = this.#guard?.limits.unsentControlFrames ?? MAX_UNSENT_ANSWERS;
    if (this.#target.answerQueued() > limit) throw tooMuch('control-queue-full');
  }
}

const FLOOD_REASON = {
  resets: 'rapid-reset',
  pings: 'ping-flood',
  settings: 'settings-flood',
  priorities: 'priority-flood',
  goAways: 'goaway-flood',
  windowUpdates: 'window-update-flood',
  unknown: 'unknown-frame-flood',
} as const satisfies Record<FloodKind, RejectionReason>;

function lengthHolds(stream: Http2Stream, endStream: boolean): boolean {
  return endStream
    ? stream.receivedBytes === stream.expectedBytes
    : stream.receivedBytes <= stream.expectedBytes;
}

function protocolError(reason: RejectionReason): Http2ConnectionError {
  return new Http2ConnectionError(H2_ERROR.PROTOCOL_ERROR, reason);
}

function frameSize(): Http2ConnectionError {
  return new Http2ConnectionError(H2_ERROR.FRAME_SIZE_ERROR, 'frame-size');
}

function tooMuch(reason: RejectionReason): Http2ConnectionError {
  return new Http2ConnectionError(H2_ERROR.ENHANCE_YOUR_CALM, reason);
}
