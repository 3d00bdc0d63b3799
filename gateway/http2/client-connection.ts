import type { Socket } from 'node:net';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import { checkResponse, checkTrailers, newMessageFacts } from '../http/message-rules.ts';
import type { CodecResources } from '../http/resources.ts';
import {
  type ClientConnection,
  type ClientConnectionHandler,
  H2_ERROR,
  type HeaderBlock,
  type ResponseReceiver,
  type StreamWriter,
  type UpstreamFailure,
} from '../http/stream.ts';
import { Http2Connection } from './connection.ts';
import { acceptedUpgrade, toExtendedConnect, upgradeOf } from './extended-connect.ts';
import { Http2ConnectionError, readUint32, writeUint32 } from './frame.ts';
import type { Http2Options } from './options.ts';
import { SilenceWatch } from './silence-watch.ts';
import { Http2Stream } from './stream.ts';

/** A response under way. */
class ClientStream extends Http2Stream {
  readonly receiver: ResponseReceiver;
  /** The whole response has come: nothing can fail any more. */
  complete = false;
  readonly method: string;
  /** The protocol that it asks for, by extended CONNECT. */
  upgrade: string | undefined = undefined;

  constructor(
    connection: Http2ClientConnection,
    id: number,
    windows: { readonly sendBytes: number; readonly receiveBytes: number },
    receiver: ResponseReceiver,
    method: string,
  ) {
    super(connection, id, windows.sendBytes, windows.receiveBytes);
    this.receiver = receiver;
    this.method = method;
    this.awaitsHeaders = true;
  }

  override endRemote(): void {
    this.complete = true;
    super.endRemote();
  }

  override deliverData(chunk: Buffer, start: number, end: number, endStream: boolean): void {
    this.receiver.responseData(chunk, start, end, endStream);
  }

  override deliverTrailers(block: HeaderBlock): void {
    this.receiver.responseTrailers(block);
  }

  override deliverDrained(bytes: number): void {
    this.receiver.requestDrained(bytes);
  }
}

function refuse(receiver: ResponseReceiver, failure: UpstreamFailure): StreamWriter {
  queueMicrotask(() => receiver.responseFailed(failure));
  return REFUSED_WRITER;
}

/** Writer of a request that was refused before it began. */
const REFUSED_WRITER: StreamWriter = {
  sendHeaders: () => undefined,
  sendInformational: () => undefined,
  sendData: (_chunk, start, end) => end - start,
  sendTrailers: () => undefined,
  reset: () => undefined,
  consumed: () => undefined,
};

const NOTHING = Buffer.alloc(0);
/** Any byte is a sign of life, so nobody waits for the answer itself. */
const NOBODY = (): void => undefined;
const MAX_PINGS = 16;
/** Unsent bytes, as a multiple of the high-water mark, past which no more requests are taken. */
const MAX_UNSENT = 2;

/** An HTTP/2 connection that we send requests on: a trunk, or to a pod (RFC 9113). */
export class Http2ClientConnection extends Http2Connection implements ClientConnection {
  readonly #handler: ClientConnectionHandler;
  readonly #facts = newMessageFacts();
  readonly #pings = new Map<
    number,
    { readonly sentAtMs: number; readonly onAnswer: (rttMs: number) => void }
  >();
  #nextStreamId = 1;
  #nextPing = 1;
  #wasAvailable = true;
  #established: boolean;
  readonly #silence: SilenceWatch;
  /** Header blocks that have come in. */
  #blocks = 0;

  constructor(
    socket: Socket,
    options: Http2Options,
    handler: ClientConnectionHandler,
    resources: CodecResources,
  ) {
    super(socket, 'client', options, resources);
    this.#handler = handler;
    this.#silence = new SilenceWatch(options);
    this.#established = !socket.connecting;
    if (!this.#established) {
      socket.once('connect', () => {
        this.#established = true;
      });
    }
    this.start();
  }

  get available(): boolean {
    return (
      this.phase === 'open' &&
      this.streams.size < this.peer.maxConcurrentStreams &&
      this.#nextStreamId <= this.options.maxStreamId &&
      this.output.queuedBytes <= MAX_UNSENT * this.options.highWaterBytes
    );
  }

  /** Of DATA, in both directions, so far. */
  get movedBytes(): number {
    return this.sendFlow.sentBytes + this.receiveFlow.receivedBytes;
  }

  /** So far. */
  get openedStreams(): number {
    return (this.#nextStreamId - 1) / 2;
  }

  /** Whether the peer takes extended CONNECT (RFC 8441), e.g. WebSockets. */
  get connectProtocol(): boolean {
    return this.peer.connectProtocol;
  }

  open(receiver: ResponseReceiver, block: HeaderBlock, endStream: boolean): StreamWriter {
    if (!this.available) return refuse(receiver, { kind: 'refused' });
    const protocol = upgradeOf(block);
    if (protocol !== undefined && !this.peer.connectProtocol) {
      return refuse(receiver, { kind: 'protocol', reason: 'extended CONNECT is not supported' });
    }
    const windows = {
      sendBytes: this.sendFlow.initialWindowBytes,
      receiveBytes: this.receiveFlow.streamWindowBytes,
    };
    const stream = new ClientStream(this, this.#nextStreamId, windows, receiver, block[1] ?? '');
    this.#nextStreamId += 2;
    if (endStream) stream.state = 'half-closed-local';
    this.streams.add(stream);
    if (protocol === undefined) this.writer.headers(stream.id, block, endStream);
    else {
      stream.upgrade = protocol;
      this.writer.headers(stream.id, toExtendedConnect(block, protocol), endStream);
    }
    this.availabilityMayHaveChanged();
    // RFC 9113 section 5.1.1. Its caller is in the middle of its request.
    if (this.#nextStreamId > this.options.maxStreamId) queueMicrotask(() => this.#idsUsedUp());
    return stream;
  }

  /** Makes room for another connection; what is under way finishes. */
  #idsUsedUp(): void {
    if (this.phase !== 'open') return;
    this.#handler.draining();
    this.drain();
  }

  /** Measures the round trip; does nothing while too many earlier ones are unanswered. */
  ping(onAnswer: (rttMs: number) => void): void {
    if (this.#pings.size >= MAX_PINGS || this.phase === 'closing' || this.phase === 'closed') return;
    const id = this.#nextPing;
    this.#nextPing = (this.#nextPing % 0xffff_ffff) + 1;
    const payload = Buffer.alloc(8);
    writeUint32(payload, 4, id);
    this.#pings.set(id, { sentAtMs: this.resources.clock.monotonic(), onAnswer });
    this.writer.ping(0, payload, 0);
  }

  drain(): void {
    if (this.phase !== 'open') return;
    this.phase = 'draining';
    this.writer.goAway(0, H2_ERROR.NO_ERROR, '');
    this.availabilityMayHaveChanged();
    this.closeWhenDrained();
  }

  override headersReceived(streamId: number, block: HeaderBlock, endStream: boolean): void {
    this.#blocks++;
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      if (this.isIdle(streamId)) throw new Http2ConnectionError(H2_ERROR.PROTOCOL_ERROR, 'stream-idle');
      if (!this.wasReset(streamId)) throw new Http2ConnectionError(H2_ERROR.STREAM_CLOSED, 'stream-closed');
      return;
    }
    if (!(stream instanceof ClientStream)) return;
    if (!stream.canReceive) {
      this.streamError(streamId, H2_ERROR.STREAM_CLOSED, 'stream-closed');
      return;
    }
    if (this.decoder.flaw === 'too-large') {
      this.streamError(streamId, H2_ERROR.CANCEL, 'headers-too-large');
      return;
    }
    if (this.decoder.flaw !== undefined) {
      this.streamError(streamId, H2_ERROR.PROTOCOL_ERROR, 'invalid-field');
      return;
    }
    if (stream.awaitsHeaders) this.#response(stream, block, endStream);
    else this.#trailers(stream, block, endStream);
  }

  override isIdle(streamId: number): boolean {
    return streamId % 2 === 0 || streamId >= this.#nextStreamId;
  }

  override streamReset(stream: Http2Stream, errorCode: number): void {
    stream.close();
    const failure: UpstreamFailure =
      errorCode === H2_ERROR.REFUSED_STREAM ? { kind: 'refused' } : { kind: 'reset', errorCode };
    this.#failReceiver(stream, failure);
  }

  override goAwayReceived(lastStreamId: number): void {
    if (this.phase === 'open') {
      this.phase = 'draining';
      this.#handler.draining();
    }
    const refused = this.streams.all().filter((stream) => stream.id > lastStreamId);
    for (const stream of refused) stream.close();
    for (const stream of refused) this.#failReceiver(stream, { kind: 'refused' });
    this.availabilityMayHaveChanged();
    this.closeWhenDrained();
  }

  override pingAcknowledged(payload: Buffer, start: number): boolean {
    if (super.pingAcknowledged(payload, start)) return true;
    const id = readUint32(payload, start + 4);
    const ping = this.#pings.get(id);
    this.#pings.delete(id);
    ping?.onAnswer(this.resources.clock.monotonic() - ping.sentAtMs);
    return ping !== undefined;
  }

  override lookAtStreams(nowMs: number, heardAtMs: number): void {
    const verdict = this.#silence.look(nowMs, {
      busy: this.busy(),
      heardAtMs,
      messages: this.#blocks + this.receiveFlow.receivedBytes,
      requests: this.#nextStreamId,
    });
    if (verdict === 'ping') this.ping(NOBODY);
    if (verdict !== 'lost') return;
    this.rejected('ping-timeout');
    this.close(`no answer to PING for ${this.options.pingTimeoutMs} ms`);
    this.socket.destroy();
  }

  protected override get lastPeerStreamId(): number {
    return 0;
  }

  protected override streamFailed(stream: Http2Stream, errorCode: number, reason: string): void {
    const broken = errorCode !== H2_ERROR.ENHANCE_YOUR_CALM;
    this.#failReceiver(stream, broken ? { kind: 'protocol', reason } : { kind: 'reset', errorCode });
  }

  protected override streamLost(stream: Http2Stream): void {
    const failure: UpstreamFailure = this.#established
      ? { kind: 'connection-lost' }
      : { kind: 'connect', reason: 'the connection could not be made' };
    this.#failReceiver(stream, failure);
  }

  protected override availabilityMayHaveChanged(): void {
    const { available } = this;
    if (available === this.#wasAvailable) return;
    this.#wasAvailable = available;
    this.#handler.availabilityChanged();
  }

  protected override rejected(reason: RejectionReason): void {
    this.#handler.rejected(reason);
  }

  protected override connectionClosed(reason: string): void {
    this.#handler.closed(reason);
  }

  #response(stream: ClientStream, block: HeaderBlock, endStream: boolean): void {
    const wrong = checkResponse(block, this.#facts);
    if (wrong !== undefined) {
      this.streamError(stream.id, H2_ERROR.PROTOCOL_ERROR, wrong.reason);
      return;
    }
    const { status, contentLength } = this.#facts;
    if (status < 200) {
      if (endStream) {
        this.streamError(stream.id, H2_ERROR.PROTOCOL_ERROR, 'informational-end');
        return;
      }
      stream.receiver.responseInformational(block);
      return;
    }
    stream.awaitsHeaders = false;
    if (status < 300 && (stream.upgrade !== undefined || stream.method === 'CONNECT')) {
      this.#tunnelOpened(stream, block, endStream);
      return;
    }
    stream.expectedBytes = expectedBytes(stream.method, status, contentLength);
    if (endStream && stream.expectedBytes > 0) {
      this.streamError(stream.id, H2_ERROR.PROTOCOL_ERROR, 'content-length-mismatch');
      return;
    }
    if (endStream) stream.endRemote();
    stream.receiver.responseHeaders(block, endStream);
  }

  /** An answer that ends the stream, too, is a tunnel through which the peer sends nothing. */
  #tunnelOpened(stream: ClientStream, block: HeaderBlock, endStream: boolean): void {
    const { upgrade, receiver } = stream;
    if (endStream) stream.endRemote();
    receiver.responseHeaders(upgrade === undefined ? block : acceptedUpgrade(block, upgrade), false);
    if (endStream) receiver.responseData(NOTHING, 0, 0, true);
  }

  #trailers(stream: ClientStream, block: HeaderBlock, endStream: boolean): void {
    const lengthHolds = stream.expectedBytes < 0 || stream.receivedBytes === stream.expectedBytes;
    const wrong = !endStream
      ? 'trailers-without-end'
      : !lengthHolds
        ? 'content-length-mismatch'
        : checkTrailers(block)?.reason;
    if (wrong !== undefined) {
      this.streamError(stream.id, H2_ERROR.PROTOCOL_ERROR, wrong);
      return;
    }
    stream.endRemote();
    stream.receiver.responseTrailers(block);
  }

  #failReceiver(stream: Http2Stream, failure: UpstreamFailure): void {
    if (stream instanceof ClientStream && !stream.complete) stream.receiver.responseFailed(failure);
  }
}

/** How long the body of a final response is, -1 = any length: RFC 9110 section 6.4.1. */
function expectedBytes(method: string, status: number, contentLength: number): number {
  return method === 'HEAD' || status === 204 || status === 304 ? 0 : contentLength;
}
