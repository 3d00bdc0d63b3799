import type { ClientConnection } from '../../gateway/http/stream.ts';
import { Http1ClientConnection } from '../../gateway/http1/client-connection.ts';
import { UPSTREAM_HTTP1 } from '../../gateway/http1/options.ts';
import { Http2ClientConnection } from '../../gateway/http2/client-connection.ts';
import { UPSTREAM_HTTP2 } from '../../gateway/http2/options.ts';
import { RecordedResponse, RecordingClientHandler } from '../fixtures/recorded-exchanges.ts';
import { Finding } from './finding.ts';
import { SETTLING_TURNS, turn, Wire } from './wire.ts';
import type { Workbench } from './workbench.ts';

const BODY = Buffer.alloc(100_000, 'body');
const FIELDS = [':scheme', 'http', ':authority', 'a.example:1', ':path', '/'];

/** Requests that may be open; by number. */
const REQUESTS: readonly (readonly string[])[] = [
  [':method', 'GET', ...FIELDS],
  [':method', 'HEAD', ...FIELDS],
  [':method', 'POST', ...FIELDS],
  [':method', 'CONNECT', ':authority', 'a.example:1'],
  [':method', 'GET', ...FIELDS, 'upgrade', 'websocket'],
];
const ENDS_AT_ONCE = 2;

export interface ClientCase {
  readonly protocol: 'http1' | 'http2';
  readonly pieces: readonly Buffer[];
  /** Numbers of the requests that are open when the server begins. */
  readonly requests: readonly number[];
  readonly slow: boolean;
}

/** Feeds a client-side codec, ends, and tells what became of its requests. @throws Finding */
export async function runClient(bench: Workbench, client: ClientCase): Promise<string> {
  const wire = new Wire(client.slow);
  const handler = new RecordingClientHandler();
  const connection = connect(bench, client.protocol, wire, handler);
  const responses = client.requests.map((number) => open(connection, number));
  await turn();
  for (const piece of client.pieces) {
    wire.feed(piece);
    await turn();
  }
  for (let count = 0; count < SETTLING_TURNS; count++) await turn();
  // Bytes after the last HTTP/1 response that a connection has are an error only when they come before it is closed.
  const refused = client.protocol === 'http2' && handler.reasons.length > 0;
  const outcome = JSON.stringify({ responses: responses.map(describe), refused });
  wire.feedEnd();
  await bench.until('a response does not end', () => responses.every(isSettled(handler)));
  connection.destroy();
  await bench.until('the connection does not end', () => handler.closedReason !== undefined);
  if (!responses.every(({ over }) => over)) throw new Finding('hang', 'a response never ended');
  if (connection.available) throw new Finding('leak', 'a closed connection takes requests');
  bench.check(connection.openStreams);
  return outcome;
}

/** A tunnel whose other direction is open stays: its user ends it. */
function isSettled(handler: RecordingClientHandler): (response: RecordedResponse) => boolean {
  return ({ over, block }) => over || block !== undefined || handler.closedReason !== undefined;
}

function open(connection: ClientConnection, number: number): RecordedResponse {
  const response = new RecordedResponse();
  const endStream = number < ENDS_AT_ONCE;
  const stream = connection.open(response, [...(REQUESTS[number] ?? [])], endStream);
  response.onData = (bytes) => stream.consumed(bytes);
  if (number === ENDS_AT_ONCE) stream.sendData(BODY, 0, BODY.length, true);
  return response;
}

function connect(
  { resources }: Workbench,
  protocol: 'http1' | 'http2',
  wire: Wire,
  handler: RecordingClientHandler,
): ClientConnection {
  return protocol === 'http1'
    ? new Http1ClientConnection(wire.socket, UPSTREAM_HTTP1, handler, resources)
    : new Http2ClientConnection(wire.socket, UPSTREAM_HTTP2, handler, resources);
}

/** Of a response that failed it does not matter how much had come. */
function describe({ block, body, trailers, ended, failure, informational }: RecordedResponse): unknown {
  return {
    block,
    body: failure === undefined ? body.toString('latin1') : undefined,
    trailers,
    ended,
    failed: failure?.kind,
    informational,
  };
}
