import type { Socket } from 'node:net';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { CodecResources } from '../http/resources.ts';
import {
  H2_ERROR,
  type HeaderBlock,
  type ServerConnection,
  type ServerConnectionHandler,
} from '../http/stream.ts';
import { pushWebSocketAccept } from '../http/websocket.ts';
import { Http1Connection } from './connection.ts';
import { HeadBytes, HeadError } from './head-fields.ts';
import { responseText } from './head-writer.ts';
import type { Http1Options } from './options.ts';
import { parseRequestHead, type RequestHead } from './request-head.ts';
import { declaredLength, isTunnel, responseFraming } from './response-framing.ts';
import { type ResponseOwner, ServerStream } from './server-stream.ts';
import type { WrittenHead } from './written-heads.ts';

const CR = 0x0d;
const LF = 0x0a;
const NOTHING = Buffer.alloc(0);
const MAX_EMPTY_LINES = 2;
/** For a head to become complete while the worker holds all that it may. */
const CROWDED_HEAD_MS = 1000;

/** Where the request under way is. */
type Phase =
  /** Between requests, or in a head. */
  | 'head'
  | 'body'
  /** The request is complete, its response is not. */
  | 'answering'
  /** CONNECT or Upgrade was asked for; what follows waits for the answer. */
  | 'asking'
  /** Bytes both ways, no longer HTTP. */
  | 'opaque';

/** An HTTP/1 connection that clients send requests on, one after the other (RFC 9112). */
export class Http1ServerConnection extends Http1Connection implements ServerConnection, ResponseOwner {
  readonly #handler: ServerConnectionHandler;
  readonly #scheme: string;
  #phase: Phase = 'head';
  #head: RequestHead | undefined;
  #stream: ServerStream | undefined;
  /** What came in after the request under way. */
  #pending: Buffer = NOTHING;
  #taking = false;
  #draining = false;
  /** The connection ends after this response. */
  #last = false;
  #headSent = false;
  /** The client sends no more; what it has asked for is still answered. */
  #inputEnded = false;
  #emptyLines = 0;
  /** Its CR has come in. */
  #insideEmptyLine = false;
  /** When the head under way began; before the first request, when the connection did. */
  #headSinceMs: number | undefined;

  constructor(
    socket: Socket,
    options: Http1Options & { readonly scheme?: 'http' | 'https' },
    handler: ServerConnectionHandler,
    resources: CodecResources,
  ) {
    super(socket, options, resources);
    this.#handler = handler;
    this.#scheme = options.scheme ?? 'http';
    this.start();
    this.#headSinceMs = this.activeAtMs;
  }

  get openStreams(): number {
    return this.#stream === undefined ? 0 : 1;
  }

  drain(): void {
    this.#draining = true;
  }

  protected override received(chunk: Buffer): void {
    if (this.#pending.length === 0) this.#take(chunk);
    else this.#pending = Buffer.concat([this.#pending, chunk]);
  }

  /** Goes through what came in as far as the request under way lets it; keeps the rest. */
  #take(chunk: Buffer): void {
    let at = 0;
    let input = chunk;
    this.#taking = true;
    while (at < input.length && this.life === 'open') {
      if (this.#phase === 'head') {
        at = this.#skipEmptyLines(input, at);
        if (at === input.length || !this.headBuffer.complete(input, at)) break;
        input = this.headBuffer.buffer;
        at = this.headBuffer.next;
        this.#begin();
      } else if (this.#phase === 'body') {
        at = this.bodyReader.read(input, at);
      } else if (this.#phase === 'opaque') {
        this.#deliver(input, at, input.length, false);
        at = input.length;
      } else {
        this.#pending = Buffer.from(input.subarray(at));
        break;
      }
    }
    this.#taking = false;
    if (this.#inputEnded && this.#phase === 'head' && this.#pending.length === 0) {
      this.finish('closed by the peer');
    }
    this.stopReading(this.#pending.length > 0);
  }

  /** RFC 9112 section 2.2: an empty line before a request line is ignored, also when it lies across two reads. */
  #skipEmptyLines(chunk: Buffer, from: number): number {
    let at = from;
    while (!this.headBuffer.partial && this.#emptyLines < MAX_EMPTY_LINES && at < chunk.length) {
      if (chunk[at] !== (this.#insideEmptyLine ? LF : CR)) break;
      if (!this.#insideEmptyLine && at + 1 < chunk.length && chunk[at + 1] !== LF) break;
      if (this.#insideEmptyLine) this.#emptyLines++;
      this.#insideEmptyLine = !this.#insideEmptyLine;
      at++;
    }
    if (this.#insideEmptyLine && at < chunk.length) throw new HeadError('request-line');
    return at;
  }

  #begin(): void {
    const { buffer, start, end } = this.headBuffer;
    const head = parseRequestHead(new HeadBytes(buffer, start, end), this.#scheme, this.rules);
    this.headBuffer.release();
    this.#emptyLines = 0;
    this.#head = head;
    this.#last = !head.keepAlive || this.#draining;
    this.#headSent = false;
    this.resetWindow();
    this.bodyReader.begin(head);
    const asks = head.isConnect || head.upgrade;
    const endStream = head.framing === 'none' && !asks;
    this.#phase = asks ? 'asking' : endStream ? 'answering' : 'body';
    const stream = new ServerStream(this);
    this.#stream = stream;
    stream.receiver = this.#handler.request(stream, head.block, endStream);
  }

  override bodyData(chunk: Buffer, start: number, end: number, endOfBody: boolean): void {
    if (endOfBody) this.#requestComplete();
    this.#deliver(chunk, start, end, endOfBody);
    if (endOfBody) this.#nextWhenDone();
  }

  override bodyTrailers(block: HeaderBlock): void {
    this.#requestComplete();
    this.#stream?.receiver?.requestTrailers(block);
    this.#nextWhenDone();
  }

  #requestComplete(): void {
    this.#phase = 'answering';
  }

  #deliver(chunk: Buffer, start: number, end: number, endStream: boolean): void {
    this.delivered(end - start);
    this.#stream?.receiver?.requestData(chunk, start, end, endStream);
  }

  // What the stream under way asks for.

  respond(stream: ServerStream, block: HeaderBlock, endStream: boolean): void {
    const head = this.#head;
    if (stream !== this.#stream || head === undefined || this.#headSent) return;
    this.#headSent = true;
    const status = block[1] as string;
    if (isTunnel(head, status)) {
      this.#openTunnel(head, block, endStream);
      return;
    }
    // The engine wants no more of a request once its response is complete, so the client had better know now.
    if (this.#draining || this.#phase === 'body') this.#last = true;
    if (this.#phase === 'asking') {
      // What the client sends next was meant for the other protocol, or not: do not guess.
      this.#last = true;
      this.#phase = 'answering';
    }
    const written = this.#responseHead(head, block, endStream);
    this.#write(written.text);
    this.bodyWriter.begin(written.framing, written.contentLength);
    if (endStream || written.framing === 'none') this.bodyWriter.end([]);
  }

  #responseHead(head: RequestHead, block: HeaderBlock, endStream: boolean): WrittenHead {
    // All others say something of the request, too.
    if (this.#last || head.isHead || head.isHttp10) return this.#newHead(head, block, endStream);
    const { responseHeads } = this.resources;
    const known = responseHeads.find(block, endStream);
    if (known !== undefined) return known;
    const written = this.#newHead(head, block, endStream);
    responseHeads.keep(block, endStream, written);
    return written;
  }

  inform(stream: ServerStream, block: HeaderBlock): void {
    if (stream !== this.#stream || this.#headSent || this.#head?.isHttp10 !== false) return;
    this.#write(`${responseText(block, false)}\r\n`);
  }

  write(stream: ServerStream, chunk: Buffer, start: number, end: number, endStream: boolean): number {
    if (stream !== this.#stream || !this.#headSent) return end - start;
    return this.bodyWriter.write(chunk, start, end, endStream);
  }

  end(stream: ServerStream, trailers: HeaderBlock): void {
    if (stream === this.#stream && this.#headSent) this.bodyWriter.end(trailers);
  }

  reset(stream: ServerStream): void {
    if (stream !== this.#stream) return;
    const answered = this.#headSent && this.bodyWriter.ended;
    this.#forget();
    if (answered) this.finish('the rest of the request is not wanted');
    else this.destroy();
  }

  taken(stream: ServerStream, bytes: number): void {
    if (stream === this.#stream) this.returned(bytes);
  }

  #newHead(head: RequestHead, block: HeaderBlock, endStream: boolean): WrittenHead {
    const status = block[1] as string;
    const contentLength = declaredLength(block);
    const framing = responseFraming(head, status, contentLength, endStream);
    if (framing === 'until-close') this.#last = true;
    let text = responseText(block, status !== '204' && framing !== 'chunked' && framing !== 'until-close');
    if (framing === 'chunked') text += 'transfer-encoding: chunked\r\n';
    else if (framing === 'length' && endStream && contentLength < 0) text += 'content-length: 0\r\n';
    if (this.#last) text += 'connection: close\r\n';
    else if (head.isHttp10) text += 'connection: keep-alive\r\n';
    return { text: `${text}\r\n`, framing, contentLength };
  }

  #openTunnel(head: RequestHead, block: HeaderBlock, endStream: boolean): void {
    this.#phase = 'opaque';
    this.#last = true;
    if (head.webSocketKey !== undefined) pushWebSocketAccept(block, head.webSocketKey);
    const text = responseText(block, false);
    this.#write(head.isConnect ? `${text}\r\n` : `${text}connection: upgrade\r\n\r\n`);
    this.bodyWriter.begin('opaque', 0);
    if (endStream) this.bodyWriter.end([]);
    // The engine is in the middle of its answer.
    queueMicrotask(() => this.#takePending());
  }

  #write(text: string): void {
    this.output.reserve(text.length);
    this.output.position += this.output.buffer.write(text, this.output.position, 'latin1');
  }

  override bodyDrained(bytes: number): void {
    this.activeAtMs = this.resources.timers.nowMs;
    this.#stream?.receiver?.responseDrained(bytes);
  }

  override bodyWritten(): void {
    if (this.#phase !== 'opaque') this.#nextWhenDone();
    else if (this.#inputEnded) this.#tunnelOver();
    else this.output.end();
  }

  #tunnelOver(): void {
    this.#forget();
    this.finish('both directions ended');
  }

  override bodyBroken(reason: RejectionReason): void {
    this.#handler.rejected(reason);
    const stream = this.#forget();
    // Its caller is in the middle of a write.
    queueMicrotask(() => {
      stream?.receiver?.requestReset(H2_ERROR.INTERNAL_ERROR);
      this.destroy();
    });
  }

  /** Both the request and its response are complete: the next one, or the end. */
  #nextWhenDone(): void {
    if (this.#phase !== 'answering' || !this.#headSent || !this.bodyWriter.ended) return;
    if (this.#stream === undefined) return;
    this.#forget();
    this.#phase = 'head';
    if (this.#last) {
      this.finish('answered');
      return;
    }
    this.#headSinceMs = undefined;
    if (this.#inputEnded && this.#pending.length === 0) this.finish('closed by the peer');
    else this.#takePending();
  }

  #takePending(): void {
    if (this.#taking || this.#pending.length === 0) return;
    const pending = this.#pending;
    this.#pending = NOTHING;
    this.guard(() => this.#take(pending));
  }

  #forget(): ServerStream | undefined {
    const stream = this.#stream;
    this.#stream = undefined;
    // It may be large, and an idle connection stays for long.
    this.#head = undefined;
    return stream;
  }

  // How it ends.

  protected override peerEnded(): void {
    if (this.#phase === 'opaque') {
      this.#inputEnded = true;
      const stream = this.#stream;
      if (this.bodyWriter.ended) this.#tunnelOver();
      stream?.receiver?.requestData(NOTHING, 0, 0, true);
    } else if (this.#phase === 'answering' && this.socket.allowHalfOpen) this.#inputEnded = true;
    else this.finish('closed by the peer');
  }

  protected override broken(error: HeadError): void {
    this.#handler.rejected(error.reason);
    const answerable = !this.#headSent || this.#phase === 'head';
    this.#forget()?.receiver?.requestReset(H2_ERROR.PROTOCOL_ERROR);
    if (!answerable) {
      this.destroy();
      return;
    }
    this.#write(responseText([':status', String(error.status), 'content-length', '0'], true));
    this.#write('connection: close\r\n\r\n');
    this.finish(error.reason);
  }

  protected override lost(): void {
    this.#forget()?.receiver?.requestReset(H2_ERROR.CANCEL);
  }

  protected override over(): void {
    this.#handler.closed();
  }

  protected override sentEndlessly(): void {
    this.#handler.rejected('unwanted-body');
  }

  protected override look(nowMs: number): void {
    const { headTimeoutMs, idleTimeoutMs } = this.options;
    if (this.#phase === 'head') this.#lookAtHead(nowMs, headTimeoutMs);
    // What it sends is no progress.
    const stoodStillMs = this.stoodStillMs(nowMs);
    if (stoodStillMs > 0) {
      if (stoodStillMs >= this.patienceMs) this.#cutOff('flush-timeout');
      return;
    }
    if (nowMs - this.activeAtMs < idleTimeoutMs) return;
    if (this.#phase === 'head') this.finish('idle');
    else if (this.#phase === 'body') this.#cutOff('body-timeout');
  }

  #cutOff(reason: RejectionReason): void {
    this.#handler.rejected(reason);
    this.destroy();
  }

  #lookAtHead(nowMs: number, headTimeoutMs: number): void {
    const { partial } = this.headBuffer;
    if (partial) this.#headSinceMs ??= nowMs;
    if (this.#headSinceMs === undefined) return;
    const waitedMs = nowMs - this.#headSinceMs;
    // Nobody may keep the worker's memory with halves of heads; what is under way in earnest is complete by now.
    const crowded = partial && waitedMs >= CROWDED_HEAD_MS && this.resources.heldBytes.exhausted;
    if (waitedMs < headTimeoutMs && !crowded) return;
    const reason = crowded ? 'held-bytes-exhausted' : 'header-timeout';
    this.#handler.rejected(reason);
    if (partial) this.#write(TIMEOUT_ANSWER);
    this.finish(reason);
  }
}

const TIMEOUT_ANSWER = 'HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n';
