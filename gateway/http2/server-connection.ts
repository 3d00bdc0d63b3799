import type { Socket } from 'node:net';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import { checkRequest, checkTrailers, newMessageFacts } from '../http/message-rules.ts';
import type { CodecResources } from '../http/resources.ts';
import {
  H2_ERROR,
  type HeaderBlock,
  type RequestReceiver,
  type ServerConnection,
  type ServerConnectionHandler,
} from '../http/stream.ts';
import { UnwantedBody } from '../http/unwanted-body.ts';
import { acceptedUpgrade } from '../http/websocket.ts';
import { Http2Connection } from './connection.ts';
import { fromExtendedConnect, upgradeAnswer } from './extended-connect.ts';
import { Http2ConnectionError } from './frame.ts';
import type { Http2Options } from './options.ts';
import { Http2Stream } from './stream.ts';

const NOTHING = Buffer.alloc(0);
const DRAIN_PING = Buffer.from('isth-drn', 'latin1');
/** For requests that were on their way when the first GOAWAY went out. */
const DRAIN_NOTICE_MS = 1000;

/** A request under way. */
class ServerStream extends Http2Stream {
  receiver: RequestReceiver | undefined = undefined;
  /** The client ended it, and the engine's upstream work has not: it still counts as open. */
  lingers = false;
  /** Its request was answered completely, and the body goes on. */
  unwanted: UnwantedBody | undefined = undefined;
  /** It asked for another protocol (extended CONNECT). */
  upgrade = false;
  readonly #connection: Http2ServerConnection;

  constructor(
    connection: Http2ServerConnection,
    id: number,
    sendWindowBytes: number,
    receiveWindowBytes: number,
  ) {
    super(connection, id, sendWindowBytes, receiveWindowBytes);
    this.#connection = connection;
  }

  override sendHeaders(block: HeaderBlock, endStream: boolean): void {
    if (!this.upgrade) {
      super.sendHeaders(block, endStream);
      return;
    }
    const answer = upgradeAnswer(block);
    if (answer !== undefined) {
      super.sendHeaders(answer, endStream);
      return;
    }
    super.sendHeaders([':status', '502', 'content-length', '0'], true);
  }

  override reset(errorCode: number): void {
    if (this.lingers) {
      this.lingers = false;
      this.#connection.lingererEnded();
    }
    // RFC 9113 section 8.1 would let us tell it to stop at once.
    if (errorCode === H2_ERROR.NO_ERROR && this.state === 'half-closed-local') {
      this.#connection.answered(this);
    } else super.reset(errorCode);
  }

  /** It is told to stop after all. */
  cut(): void {
    super.reset(H2_ERROR.NO_ERROR);
  }

  override close(): void {
    super.close();
    if (this.unwanted !== undefined) this.#connection.unwantedEnded(this);
  }

  /** Of an unwanted body all credit went back already. */
  override consumed(bytes: number): void {
    if (this.unwanted === undefined) super.consumed(bytes);
  }

  override deliverData(chunk: Buffer, start: number, end: number, endStream: boolean): void {
    if (this.unwanted === undefined) this.receiver?.requestData(chunk, start, end, endStream);
    else this.#connection.dropData(this, this.unwanted, end - start);
  }

  override deliverTrailers(block: HeaderBlock): void {
    if (this.unwanted === undefined) this.receiver?.requestTrailers(block);
  }

  override deliverDrained(bytes: number): void {
    this.receiver?.responseDrained(bytes);
  }
}

/** An HTTP/2 connection that clients, or other gateways, send requests on (RFC 9113). */
export class Http2ServerConnection extends Http2Connection implements ServerConnection {
  readonly #handler: ServerConnectionHandler;
  readonly #facts = newMessageFacts();
  #lastStreamId = 0;
  #lingering = 0;
  /** Streams that were answered, and whose bodies go on. */
  readonly #unwanted = new Set<ServerStream>();
  /** Past it streams are refused; set by the second GOAWAY. */
  #refuseAbove = Number.POSITIVE_INFINITY;

  constructor(
    socket: Socket,
    options: Http2Options,
    handler: ServerConnectionHandler,
    resources: CodecResources,
  ) {
    super(socket, 'server', options, resources);
    this.#handler = handler;
    this.start();
  }

  /** One without frame budgets is a trunk. */
  get multiplexes(): 'client' | 'gateway' {
    return this.options.flood === undefined ? 'gateway' : 'client';
  }

  drain(): void {
    if (this.phase !== 'open') return;
    this.announceGoAway();
    this.writer.ping(0, DRAIN_PING, 0);
    this.phase = 'draining';
    this.resources.timers.schedule({ onTick: () => this.#drainNoticed() }, DRAIN_NOTICE_MS);
  }

  override headersReceived(streamId: number, block: HeaderBlock, endStream: boolean): void {
    const stream = this.streams.get(streamId);
    if (stream !== undefined) this.#trailers(stream, block, endStream);
    else if (streamId % 2 === 0) throw new Http2ConnectionError(H2_ERROR.PROTOCOL_ERROR, 'stream-id');
    else if (streamId > this.#lastStreamId) this.#request(streamId, block, endStream);
    else if (!this.wasReset(streamId)) {
      throw new Http2ConnectionError(H2_ERROR.STREAM_CLOSED, 'stream-closed');
    }
  }

  override isIdle(streamId: number): boolean {
    return streamId % 2 === 0 || streamId > this.#lastStreamId;
  }

  /** Streams past the last GOAWAY's id are dropped without a word (RFC 9113 section 6.8). */
  override wasReset(streamId: number): boolean {
    return streamId > this.#refuseAbove || super.wasReset(streamId);
  }

  override streamReset(stream: Http2Stream, errorCode: number): void {
    const answered = !stream.canSend;
    stream.close();
    // A request that was answered is over for the engine; the rest of its body is not wanted.
    if (!answered) this.#endReceiver(stream, errorCode);
  }

  override goAwayReceived(): void {
    // It announces no more pushes; the client closes when it has its answers.
  }

  override pingAcknowledged(payload: Buffer, start: number): boolean {
    if (super.pingAcknowledged(payload, start)) return true;
    if (this.phase !== 'draining' || payload.compare(DRAIN_PING, 0, 8, start, start + 8) !== 0) return false;
    this.#drainNoticed();
    return true;
  }

  override lookAtStreams(nowMs: number): void {
    for (const stream of this.#unwanted) {
      const verdict = stream.unwanted?.look(nowMs) ?? 'silent';
      if (verdict === 'endless') this.rejected('unwanted-body');
      if (verdict !== 'wait') stream.cut();
    }
  }

  /** The answer is complete: the rest of the body is read and dropped, within bounds. */
  answered(stream: ServerStream): void {
    if (stream.unwanted !== undefined) return;
    stream.unwanted = new UnwantedBody(this.nowMs);
    // Some clients stop in the middle of it when they have an answer.
    stream.expectedBytes = -1;
    this.#unwanted.add(stream);
    this.receiveFlow.returnAll(stream);
  }

  unwantedEnded(stream: ServerStream): void {
    this.#unwanted.delete(stream);
    // curl 7.88 ends such a body early, and sees that its request is over only when anything comes in after that.
    this.receiveFlow.returnConnection();
  }

  dropData(stream: ServerStream, unwanted: UnwantedBody, bytes: number): void {
    if (stream.canReceive) this.receiveFlow.consumed(stream, bytes);
    if (unwanted.received(bytes) || !stream.canReceive) return;
    this.rejected('unwanted-body');
    stream.cut();
  }

  /** The engine's upstream work for a stream that the client had reset has ended. */
  lingererEnded(): void {
    this.#lingering--;
  }

  protected override get lastPeerStreamId(): number {
    return Math.min(this.#lastStreamId, this.#refuseAbove);
  }

  protected override streamFailed(stream: Http2Stream, errorCode: number): void {
    this.#endReceiver(stream, errorCode);
  }

  protected override streamLost(stream: Http2Stream): void {
    this.#endReceiver(stream, H2_ERROR.CANCEL);
  }

  protected override availabilityMayHaveChanged(): void {
    // A server asks nothing of its client.
  }

  protected override rejected(reason: RejectionReason): void {
    this.#handler.rejected(reason);
  }

  protected override connectionClosed(): void {
    this.#handler.closed();
  }

  protected override closeWhenDrained(): void {
    // Before the second GOAWAY requests may still be on their way.
    if (this.#refuseAbove !== Number.POSITIVE_INFINITY) super.closeWhenDrained();
  }

  #drainNoticed(): number {
    if (this.phase === 'draining' && this.#refuseAbove === Number.POSITIVE_INFINITY) {
      this.#refuseAbove = this.#lastStreamId;
      this.writer.goAway(this.#refuseAbove, H2_ERROR.NO_ERROR, '');
      this.closeWhenDrained();
    }
    return 0;
  }

  #request(streamId: number, block: HeaderBlock, endStream: boolean): void {
    this.#lastStreamId = streamId;
    if (streamId > this.#refuseAbove) return;
    if (this.streams.size + this.#lingering >= this.options.maxConcurrentStreams) {
      this.streamError(streamId, H2_ERROR.REFUSED_STREAM, 'max-concurrent-streams');
      return;
    }
    if (!this.#acceptable(streamId, block, endStream)) return;
    const stream = this.#newStream(streamId);
    stream.expectedBytes = this.#facts.method === 'CONNECT' ? -1 : this.#facts.contentLength;
    if (endStream) stream.state = 'half-closed-remote';
    if (this.#facts.protocol !== undefined) {
      stream.upgrade = true;
      fromExtendedConnect(block);
    }
    this.streams.add(stream);
    // A tunnel is asked for without an end: that one would be the end of what the client sends through it.
    const ends = endStream && this.#facts.method !== 'CONNECT';
    stream.receiver = this.#handler.request(stream, block, ends);
    if (endStream && !ends) stream.receiver.requestData(NOTHING, 0, 0, true);
  }

  #newStream(streamId: number): ServerStream {
    const { sendFlow, receiveFlow } = this;
    return new ServerStream(this, streamId, sendFlow.initialWindowBytes, receiveFlow.streamWindowBytes);
  }

  #acceptable(streamId: number, block: HeaderBlock, endStream: boolean): boolean {
    const { flaw } = this.decoder;
    if (flaw === 'too-large') {
      this.#answer(streamId, '431', endStream, 'headers-too-large');
      return false;
    }
    if (flaw === 'invalid-field') {
      this.streamError(streamId, H2_ERROR.PROTOCOL_ERROR, 'invalid-field');
      return false;
    }
    const wrong = checkRequest(block, this.#facts);
    const { protocol } = this.#facts;
    if (wrong?.kind === 'bad-request') this.#answer(streamId, '400', endStream, wrong.reason);
    else if (wrong !== undefined) this.streamError(streamId, H2_ERROR.PROTOCOL_ERROR, wrong.reason);
    else if (protocol !== undefined && acceptedUpgrade(protocol) === undefined) {
      // RFC 9220 section 3.
      this.#answer(streamId, '501', endStream, 'upgrade-unsupported');
    } else if (endStream && this.#facts.contentLength > 0) {
      this.streamError(streamId, H2_ERROR.PROTOCOL_ERROR, 'content-length-mismatch');
    } else return true;
    return false;
  }

  /** Refuses a request that is no protocol error with a status of our own. */
  #answer(streamId: number, status: string, endStream: boolean, reason: RejectionReason): void {
    this.refusing();
    this.writer.headers(streamId, [':status', status, 'content-length', '0'], true);
    this.rejected(reason);
    if (endStream) return;
    const stream = this.#newStream(streamId);
    stream.state = 'half-closed-local';
    this.streams.add(stream);
    this.answered(stream);
    this.cutShort();
  }

  #trailers(stream: Http2Stream, block: HeaderBlock, endStream: boolean): void {
    if (!stream.canReceive) {
      this.streamError(stream.id, H2_ERROR.STREAM_CLOSED, 'stream-closed');
      return;
    }
    const reason = this.#trailerFlaw(stream, block, endStream);
    if (reason !== undefined) {
      this.streamError(stream.id, H2_ERROR.PROTOCOL_ERROR, reason);
      return;
    }
    stream.endRemote();
    stream.deliverTrailers(block);
  }

  #trailerFlaw(stream: Http2Stream, block: HeaderBlock, endStream: boolean): RejectionReason | undefined {
    if (!endStream) return 'trailers-without-end';
    if (this.decoder.flaw !== undefined) return 'trailers-invalid';
    if (stream.expectedBytes >= 0 && stream.receivedBytes !== stream.expectedBytes) {
      return 'content-length-mismatch';
    }
    return checkTrailers(block)?.reason;
  }

  #endReceiver(stream: Http2Stream, errorCode: number): void {
    if (!(stream instanceof ServerStream)) return;
    const { receiver } = stream;
    if (receiver === undefined || stream.unwanted !== undefined) return;
    stream.lingers = true;
    this.#lingering++;
    receiver.requestReset(errorCode);
  }
}
