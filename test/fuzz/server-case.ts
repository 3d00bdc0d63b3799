import { H2_ERROR, type ServerConnection } from '../../gateway/http/stream.ts';
import { EDGE_HTTP1 } from '../../gateway/http1/options.ts';
import { Http1ServerConnection } from '../../gateway/http1/server-connection.ts';
import { EDGE_HTTP2 } from '../../gateway/http2/options.ts';
import { Http2ServerConnection } from '../../gateway/http2/server-connection.ts';
import { type RecordedRequest, RecordingServerHandler } from '../fixtures/recorded-exchanges.ts';
import { SETTLING_TURNS, turn, Wire } from './wire.ts';
import type { Workbench } from './workbench.ts';

const BODY = Buffer.alloc(100_000, 'body');

/** How an engine may answer; by the number of the request. */
const ANSWERS: readonly ((request: RecordedRequest) => void)[] = [
  (request) => request.respond(200, 'hello', ['content-length', '5']),
  (request) => {
    request.stream.sendInformational([':status', '103', 'link', '</a>']);
    request.stream.sendHeaders([':status', '200'], false);
    request.stream.sendData(BODY, 0, BODY.length, false);
    request.stream.sendTrailers(['x-sum', '1']);
  },
  (request) => request.stream.sendHeaders([':status', '101', 'upgrade', 'websocket'], false),
  (request) => request.respond(204),
  (request) => request.stream.reset(H2_ERROR.CANCEL),
  (request) => {
    request.onData = (_piece, endStream) => {
      if (endStream) request.respond(200, 'late');
    };
  },
  () => undefined,
];

export interface ServerCase {
  readonly protocol: 'http1' | 'http2';
  readonly pieces: readonly Buffer[];
  /** Numbers of answers, in turn. */
  readonly answers: readonly number[];
  readonly slow: boolean;
}

/** Feeds a server-side codec, ends, and tells what its engine has heard. @throws Finding */
export async function runServer(bench: Workbench, server: ServerCase): Promise<string> {
  const wire = new Wire(server.slow);
  const handler = new RecordingServerHandler();
  handler.onRequest = (request) => {
    request.requestReset = (code) => {
      request.resetCode = code;
      request.stream.reset(code);
    };
    ANSWERS[server.answers[handler.requests.length % server.answers.length] ?? 0]?.(request);
  };
  const connection = connect(bench, server.protocol, wire, handler);
  for (const piece of server.pieces) {
    wire.feed(piece);
    await turn();
  }
  for (let count = 0; count < SETTLING_TURNS; count++) await turn();
  // Before the end: what the client has said alone.
  const outcome = describe(handler);
  wire.feedEnd();
  await turn();
  // As an engine does that waits no longer.
  for (const request of handler.requests) request.stream.reset(H2_ERROR.CANCEL);
  await bench.until('the connection does not end', () => handler.closedCount > 0 || isIdle(connection, wire));
  connection.destroy();
  bench.check(connection.openStreams);
  return outcome;
}

/** HTTP/2 may linger for a client that does not close; here it has. */
function isIdle(connection: ServerConnection, wire: Wire): boolean {
  return wire.destroyed && connection.openStreams === 0;
}

function connect(
  bench: Workbench,
  protocol: 'http1' | 'http2',
  wire: Wire,
  handler: RecordingServerHandler,
): ServerConnection {
  const { resources } = bench;
  return protocol === 'http1'
    ? new Http1ServerConnection(wire.socket, EDGE_HTTP1, handler, resources)
    : new Http2ServerConnection(wire.socket, EDGE_HTTP2, handler, resources);
}

/**
 * Of a request that was reset it does not matter how much had come. Which rule was broken may depend on the pieces (of two in one head the first that is seen), that one was may not.
 */
function describe(handler: RecordingServerHandler): string {
  const requests = handler.requests.map(({ block, body, trailers, ended, resetCode }) => ({
    block,
    body: resetCode === undefined ? body.toString('latin1') : undefined,
    trailers,
    ended,
    reset: resetCode !== undefined,
  }));
  return JSON.stringify({ requests, refused: handler.reasons.length > 0 });
}
