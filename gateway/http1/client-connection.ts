import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import { parseContentLength } from '../http/message-rules.ts';
import type { CodecResources } from '../http/resources.ts';
import { socketErrorText } from '../http/socket-error.ts';
import {
  type ClientConnection,
  type ClientConnectionHandler,
  H2_ERROR,
  type HeaderBlock,
  type ResponseReceiver,
  type StreamWriter,
  type UpstreamFailure,
} from '../http/stream.ts';
import {
  isWebSocket,
  newWebSocketKey,
  pushWebSocketKey,
  takeWebSocketAccept,
  takeWebSocketKey,
} from '../http/websocket.ts';
import { ClientStream, type RequestOwner } from './client-stream.ts';
import { Http1Connection } from './connection.ts';
import { type BodyFraming, HeadBytes, HeadError } from './head-fields.ts';
import { fieldValue, requestText } from './head-writer.ts';
import type { Http1Options } from './options.ts';
import { parseResponseHead, type RequestForm, type ResponseHead } from './response-head.ts';
import type { WrittenRequest } from './written-heads.ts';

const NOTHING = Buffer.alloc(0);
/** Methods whose requests say that they have no body (RFC 9110 section 8.6). */
const BODY_METHODS: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** The alerts of TLS that end a handshake (RFC 8446 section 6.2). */
const HANDSHAKE_ALERT =
  /_ALERT_(?:HANDSHAKE_FAILURE|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_(?:REVOKED|EXPIRED|UNKNOWN|REQUIRED)|UNKNOWN_CA|ACCESS_DENIED)$/;

/** Where the response under way is. */
type Phase = 'idle' | 'head' | 'body' | 'opaque';

/** An HTTP/1 connection that we send requests on, one at a time (RFC 9112). */
export class Http1ClientConnection extends Http1Connection implements ClientConnection, RequestOwner {
  readonly #handler: ClientConnectionHandler;
  #phase: Phase = 'idle';
  #stream: ClientStream | undefined;
  #form: RequestForm = { isHead: false, isConnect: false, upgrade: false };
  #response: ResponseHead | undefined;
  #draining = false;
  /** In the middle of what came in. */
  #taking = false;
  #tunnelInEnded = false;
  /** Of the WebSocket handshake under way. */
  #webSocketKey: string | undefined;
  /** `output.handedBytes` before the request under way: as long as it is the same nothing of it was sent. */
  #handedBefore = 0;
  #established: boolean;
  /** The server has answered something: whoever it did not want it would not have. */
  #heard = false;
  #refusal: string | undefined;

  constructor(
    socket: Socket,
    options: Http1Options,
    handler: ClientConnectionHandler,
    resources: CodecResources,
  ) {
    super(socket, options, resources);
    this.#handler = handler;
    this.#established = !socket.connecting;
    if (!this.#established) {
      socket.once('connect', () => {
        this.#established = true;
      });
    }
    if (socket instanceof TLSSocket) socket.on('error', (error) => this.#refusedByTls(error));
    this.start();
  }

  get available(): boolean {
    return this.#phase === 'idle' && this.life === 'open' && !this.#draining && !this.#taking;
  }

  get openStreams(): number {
    return this.#stream === undefined ? 0 : 1;
  }

  open(receiver: ResponseReceiver, block: HeaderBlock, endStream: boolean): StreamWriter {
    const stream = new ClientStream(this, receiver);
    if (!this.available) {
      queueMicrotask(() => receiver.responseFailed({ kind: 'refused' }));
      return stream;
    }
    this.#stream = stream;
    this.#phase = 'head';
    this.#response = undefined;
    this.#handedBefore = this.output.handedBytes;
    this.resetWindow();
    this.#writeRequest(block, endStream);
    return stream;
  }

  /**
   * In TLS 1.3 a client is done before its server has looked at the client's certificate. After an answer an alert is the
   * end of a connection like any other: the request under way may have been processed.
   */
  #refusedByTls(error: Error): void {
    if (this.#heard || !('code' in error) || !HANDSHAKE_ALERT.test(String(error.code))) return;
    this.#established = false;
    this.#refusal = `the TLS handshake with the pod failed: ${socketErrorText(error)}`;
  }

  drain(): void {
    this.#draining = true;
    if (this.#phase === 'idle') this.finish('drained');
  }

  #writeRequest(block: HeaderBlock, endStream: boolean): void {
    const { requestHeads } = this.resources;
    this.#webSocketKey = undefined;
    let written = requestHeads.find(block, endStream);
    if (written === undefined) {
      written = this.#newHead(block, endStream);
      if (!written.form.upgrade) requestHeads.keep(block, endStream, written);
    }
    const { text, framing, contentLength, form } = written;
    this.#form = form;
    this.output.reserve(text.length);
    this.output.position += this.output.buffer.write(text, this.output.position, 'latin1');
    this.bodyWriter.begin(framing, contentLength);
    if (endStream) this.bodyWriter.end([]);
  }

  #newHead(block: HeaderBlock, endStream: boolean): WrittenRequest {
    const method = block[1] as string;
    const protocol = fieldValue(block, 'upgrade');
    const upgrade = protocol !== undefined;
    if (upgrade && isWebSocket(protocol)) {
      this.#webSocketKey = takeWebSocketKey(block) ?? newWebSocketKey();
      pushWebSocketKey(block, this.#webSocketKey);
    }
    const declared = fieldValue(block, 'content-length');
    const form = { isHead: method === 'HEAD', isConnect: method === 'CONNECT', upgrade };
    let text = requestText(block);
    let framing: BodyFraming = 'none';
    if (upgrade) text += 'connection: upgrade\r\n';
    else if (declared !== undefined) framing = 'length';
    else if (endStream && BODY_METHODS.has(method)) text += 'content-length: 0\r\n';
    else if (!endStream && !form.isConnect) {
      framing = 'chunked';
      text += 'transfer-encoding: chunked\r\n';
    }
    if (!upgrade && fieldValue(block, 'te') !== undefined) text += 'connection: te\r\n';
    const contentLength = declared === undefined ? 0 : parseContentLength(declared);
    return { text: `${text}\r\n`, framing, contentLength, form };
  }

  // What the stream under way asks for.

  write(stream: ClientStream, chunk: Buffer, start: number, end: number, endStream: boolean): number {
    if (stream !== this.#stream) return end - start;
    return this.bodyWriter.write(chunk, start, end, endStream);
  }

  end(stream: ClientStream, trailers: HeaderBlock): void {
    if (stream === this.#stream) this.bodyWriter.end(trailers);
  }

  /** HTTP/1 cannot take a request back: the connection ends with it. */
  reset(stream: ClientStream): void {
    if (stream !== this.#stream) return;
    this.#stream = undefined;
    this.destroy();
  }

  taken(stream: ClientStream, bytes: number): void {
    if (stream === this.#stream) this.returned(bytes);
  }

  // What comes in.

  protected override received(chunk: Buffer): void {
    const busy = this.#phase !== 'idle';
    this.#taking = true;
    this.#heard = true;
    this.#take(chunk);
    this.#taking = false;
    // Not before the whole piece was seen: what follows a response must not become the next one's.
    if (busy && this.#phase === 'idle') this.#announce();
  }

  #take(chunk: Buffer): void {
    let at = 0;
    let input = chunk;
    while (at < input.length && this.life === 'open') {
      if (this.#phase === 'idle' || this.#unsent) throw new HeadError('response-extra-bytes');
      if (this.#phase === 'head') {
        if (!this.headBuffer.complete(input, at)) return;
        input = this.headBuffer.buffer;
        at = this.headBuffer.next;
        this.#begin();
      } else if (this.#phase === 'body') {
        at = this.bodyReader.read(input, at);
      } else {
        this.#deliver(input, at, input.length, false);
        return;
      }
    }
  }

  /** Nothing of the request under way was handed to the socket: what comes in cannot be its answer. */
  get #unsent(): boolean {
    return this.output.handedBytes === this.#handedBefore;
  }

  #begin(): void {
    const { buffer, start, end } = this.headBuffer;
    const response = parseResponseHead(new HeadBytes(buffer, start, end), this.#form, this.rules);
    this.headBuffer.release();
    const stream = this.#stream;
    if (response.status < 200 && response.status !== 101) {
      stream?.receiver.responseInformational(response.block);
      return;
    }
    this.#response = response;
    if (response.framing === 'opaque') {
      const key = this.#webSocketKey;
      if (key !== undefined && !takeWebSocketAccept(response.block, key)) {
        throw new HeadError('websocket-accept');
      }
      this.#phase = 'opaque';
      this.bodyWriter.begin('opaque', 0);
      stream?.receiver.responseHeaders(response.block, false);
      return;
    }
    const endStream = response.framing === 'none';
    this.#phase = 'body';
    this.bodyReader.begin(response);
    if (endStream) this.#complete(stream);
    stream?.receiver.responseHeaders(response.block, endStream);
  }

  override bodyData(chunk: Buffer, start: number, end: number, endOfBody: boolean): void {
    const stream = this.#stream;
    if (endOfBody) this.#complete(stream);
    else this.delivered(end - start);
    stream?.receiver.responseData(chunk, start, end, endOfBody);
  }

  override bodyTrailers(block: HeaderBlock): void {
    const stream = this.#stream;
    this.#complete(stream);
    stream?.receiver.responseTrailers(block);
  }

  #deliver(chunk: Buffer, start: number, end: number, endStream: boolean): void {
    this.delivered(end - start);
    this.#stream?.receiver.responseData(chunk, start, end, endStream);
  }

  /** The response is complete. Its receiver hears of it before the next request may begin. */
  #complete(stream: ClientStream | undefined): void {
    if (stream === undefined) return;
    this.#stream = undefined;
    this.#phase = 'idle';
    const reusable = this.#response?.keepAlive === true && this.bodyWriter.ended;
    this.#response = undefined;
    if (!reusable) this.#draining = true;
  }

  #announce(): void {
    if (this.life !== 'open') return;
    if (this.#draining) this.finish('answered');
    else this.#handler.availabilityChanged();
  }

  override bodyDrained(bytes: number): void {
    this.#stream?.receiver.requestDrained(bytes);
  }

  override bodyWritten(): void {
    if (this.#phase !== 'opaque') return;
    if (this.#tunnelInEnded) this.#tunnelOver();
    else this.output.end();
  }

  override bodyBroken(reason: RejectionReason): void {
    const stream = this.#stream;
    this.#stream = undefined;
    this.#handler.rejected(reason);
    // Its caller is in the middle of a write.
    queueMicrotask(() => {
      stream?.receiver.responseFailed({ kind: 'reset', errorCode: H2_ERROR.INTERNAL_ERROR });
      this.destroy();
    });
  }

  // How it ends.

  protected override peerEnded(): void {
    if (this.#phase === 'opaque') this.#tunnelInputEnded();
    else if (this.#phase === 'body' && this.bodyReader.untilClose) {
      const stream = this.#stream;
      this.#complete(stream);
      stream?.receiver.responseData(NOTHING, 0, 0, true);
      this.finish('answered');
    } else this.finish('closed by the peer');
  }

  #tunnelInputEnded(): void {
    const stream = this.#stream;
    this.#tunnelInEnded = true;
    if (this.bodyWriter.ended) this.#tunnelOver();
    stream?.receiver.responseData(NOTHING, 0, 0, true);
  }

  #tunnelOver(): void {
    this.#stream = undefined;
    this.finish('both directions ended');
  }

  protected override broken(error: HeadError): void {
    this.#handler.rejected(error.reason);
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.receiver.responseFailed(
      this.#unsent ? { kind: 'refused' } : { kind: 'protocol', reason: error.reason },
    );
    this.destroy();
  }

  protected override lost(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    // In a tunnel the response may have ended long before the connection.
    if (!this.#tunnelInEnded) stream?.receiver.responseFailed(this.#failure());
  }

  #failure(): UpstreamFailure {
    if (!this.#established) return { kind: 'connect', reason: this.#refusal ?? this.endReason };
    // It was certainly not processed.
    if (this.#unsent) return { kind: 'refused' };
    return { kind: 'connection-lost' };
  }

  protected override over(reason: string): void {
    this.#handler.closed(reason);
  }

  protected override sentEndlessly(): void {
    this.#handler.rejected('unwanted-body');
  }

  protected override look(nowMs: number): void {
    const { idleTimeoutMs } = this.options;
    if (this.#phase === 'idle' && idleTimeoutMs > 0 && nowMs - this.activeAtMs >= idleTimeoutMs) {
      this.finish('idle');
    }
    // A pod may take its time, but not the memory that others need.
    const stoodStillMs = this.stoodStillMs(nowMs);
    if (this.resources.heldBytes.crowded && stoodStillMs >= this.patienceMs) {
      this.#handler.rejected('flush-timeout');
      this.destroy();
    }
  }
}
