import {
  Agent,
  createServer as createHttp1Server,
  request as http1Request,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import {
  type ClientHttp2Session,
  connect,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { credentials, gatewaySettings, KEEP_ALIVE_TIMEOUT_MS } from './gateway-settings.ts';

/** A gateway as one writes it with Node's own modules: streams of `node:http2` piped into each other. */
const settings = gatewaySettings();
const east = settings.side === 'east';
const windows = { initialWindowSize: 2 ** 20, maxConcurrentStreams: 1000 };
const secure = { ...credentials(settings), settings: windows };
const patient = { keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS };
const agent = new Agent({ keepAlive: true, maxSockets: 4000 });
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'host',
  'proxy-connection',
]);
const onward: { session?: ClientHttp2Session } = {};

function upstream(): ClientHttp2Session {
  const { session } = onward;
  if (session !== undefined && !session.closed && !session.destroyed) return session;
  const address = east
    ? `https://127.0.0.1:${settings.linkPort}`
    : `http://127.0.0.1:${settings.backendPort}`;
  const opened = connect(address, { ...(east ? credentials(settings) : {}), settings: windows });
  opened.on('connect', () => opened.setLocalWindowSize(2 ** 24));
  opened.on('error', (error) => console.error(error.message));
  onward.session = opened;
  return opened;
}

function endToEnd(headers: IncomingHttpHeaders | NodeJS.Dict<string | string[]>): OutgoingHttpHeaders {
  const kept: OutgoingHttpHeaders = {};
  for (const name in headers) if (!HOP_BY_HOP.has(name)) kept[name] = headers[name];
  return kept;
}

function onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  stream.on('error', () => stream.destroy());
  if (!east && !settings.http2) {
    toHttp1(stream, headers);
    return;
  }
  const request = upstream().request(headers, { endStream: stream.readableEnded });
  request.on('response', (response) => stream.respond(response, { waitForTrailers: true }));
  let trailers: OutgoingHttpHeaders = {};
  request.on('trailers', (received) => {
    trailers = received;
  });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  request.on('error', () => stream.close());
  stream.on('close', () => request.close());
  stream.pipe(request).pipe(stream);
}

function toHttp1(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const { ':method': method, ':path': path, ':authority': host, ':scheme': _scheme, ...fields } = headers;
  const request = http1Request({
    agent,
    port: settings.backendPort,
    host: '127.0.0.1',
    method: String(method),
    path: String(path),
    headers: { ...fields, host: String(host) },
  });
  request.on('response', (response) => {
    stream.respond({ ':status': response.statusCode, ...endToEnd(response.headers) });
    response.pipe(stream);
  });
  request.on('error', () => stream.close());
  stream.pipe(request);
}

function fromHttp1(request: IncomingMessage, response: ServerResponse): void {
  const stream = upstream().request({
    ':method': request.method,
    ':path': request.url,
    ':authority': request.headers.host,
    ...endToEnd(request.headers),
  });
  stream.on('response', ({ ':status': status, ...headers }) => {
    response.writeHead(Number(status), endToEnd(headers));
    stream.pipe(response);
  });
  stream.on('error', () => response.destroy());
  request.pipe(stream);
}

function http2(server: Http2Server | Http2SecureServer): Http2Server | Http2SecureServer {
  server.on('session', (opened) => opened.setLocalWindowSize(2 ** 24));
  return server.on('stream', onStream);
}

if (!east) http2(createSecureServer(secure)).listen(settings.trunkPort, '127.0.0.1');
else if (settings.http2) {
  http2(createSecureServer(secure)).listen(settings.tlsPort, '127.0.0.1');
  http2(createServer({ settings: windows })).listen(settings.port, '127.0.0.1');
} else {
  createHttpsServer({ ...secure, ALPNProtocols: ['http/1.1'], ...patient }, fromHttp1).listen(
    settings.tlsPort,
    '127.0.0.1',
  );
  createHttp1Server(patient, fromHttp1).listen(settings.port, '127.0.0.1');
}
