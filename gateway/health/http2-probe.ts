import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type CodecResources, createCodecResources } from '../http/resources.ts';
import type { ClientConnectionHandler, HeaderBlock, ResponseReceiver } from '../http/stream.ts';
import { Http2ClientConnection } from '../http2/client-connection.ts';
import { UPSTREAM_HTTP2 } from '../http2/options.ts';
import { grpcMessage, grpcPayload, healthRequest, isServing } from './grpc-health.ts';

/** Far above any answer of grpc.health.v1. */
const MAX_ANSWER_BYTES = 1024;
const NOTHING = Buffer.alloc(0);

interface Answer {
  readonly status: number;
  readonly body: Buffer;
  /** From the trailers, or the headers of an answer that has no more. */
  readonly grpcStatus: string | undefined;
}

/** Asks pods that speak HTTP/2, on a connection that is theirs alone and that whoever opened it closes. */
export class Http2Prober {
  readonly #resources: CodecResources = createCodecResources();

  /** The status of a GET; undefined when the connection ends before it. */
  status(socket: Socket, authority: string, path: string): Promise<number | undefined> {
    return new Promise((resolve) => {
      const block = requestBlock('GET', socket, authority, path);
      this.#ask(socket, block, NOTHING, statusReceiver(resolve));
    });
  }

  /** grpc.health.v1 (GRPC Health Checking Protocol): whether the service says SERVING. */
  async serving(socket: Socket, authority: string, service: string): Promise<boolean> {
    const answer = await new Promise<Answer | undefined>((resolve) => {
      const block = requestBlock('POST', socket, authority, '/grpc.health.v1.Health/Check');
      block.push('content-type', 'application/grpc', 'te', 'trailers');
      this.#ask(socket, block, grpcMessage(healthRequest(service)), answerReceiver(resolve));
    });
    if (answer?.status !== 200 || answer.grpcStatus !== '0') return false;
    const payload = grpcPayload(answer.body);
    return payload !== undefined && isServing(payload);
  }

  #ask(socket: Socket, block: HeaderBlock, body: Buffer, receiver: ResponseReceiver): void {
    const connection = new Http2ClientConnection(socket, UPSTREAM_HTTP2, IGNORED, this.#resources);
    const writer = connection.open(receiver, block, body.length === 0);
    if (body.length > 0) writer.sendData(body, 0, body.length, true);
  }
}

/** What ends the connection ends its one request, which tells of it. */
const IGNORED: ClientConnectionHandler = {
  availabilityChanged: () => undefined,
  draining: () => undefined,
  rejected: () => undefined,
  closed: () => undefined,
};

function requestBlock(method: string, socket: Socket, authority: string, path: string): HeaderBlock {
  const scheme = socket instanceof TLSSocket ? 'https' : 'http';
  return [
    ...[':method', method, ':scheme', scheme, ':authority', authority, ':path', path],
    ...['user-agent', 'isthmus-health-check'],
  ];
}

function field(block: HeaderBlock, name: string): string | undefined {
  for (let i = 0; i < block.length; i += 2) if (block[i] === name) return block[i + 1];
  return undefined;
}

function statusReceiver(done: (status: number | undefined) => void): ResponseReceiver {
  return {
    responseInformational: () => undefined,
    responseHeaders: (block) => done(Number(field(block, ':status'))),
    responseData: () => undefined,
    responseTrailers: () => undefined,
    responseFailed: () => done(undefined),
    requestDrained: () => undefined,
  };
}

function answerReceiver(done: (answer: Answer | undefined) => void): ResponseReceiver {
  let status = 0;
  let body = NOTHING;
  const ended = (block: HeaderBlock): void => {
    done({ status, body, grpcStatus: field(block, 'grpc-status') });
  };
  return {
    responseInformational: () => undefined,
    responseHeaders: (block, endStream) => {
      status = Number(field(block, ':status'));
      if (endStream) ended(block);
    },
    responseData: (chunk, start, end, endStream) => {
      if (body.length + end - start > MAX_ANSWER_BYTES || endStream) done(undefined);
      else body = Buffer.concat([body, chunk.subarray(start, end)]);
    },
    responseTrailers: ended,
    responseFailed: () => done(undefined),
    requestDrained: () => undefined,
  };
}
