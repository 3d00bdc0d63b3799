import type { Socket } from 'node:net';
import type { CodecResources } from '../http/resources.ts';
import type { ClientConnection, ClientConnectionHandler } from '../http/stream.ts';
import { Http1ClientConnection } from '../http1/client-connection.ts';
import { UPSTREAM_HTTP1 } from '../http1/options.ts';
import { Http2ClientConnection } from '../http2/client-connection.ts';
import type { Http2Options } from '../http2/options.ts';

/** HTTP/1.1 on a connected socket. */
export function openHttp1(
  socket: Socket,
  handler: ClientConnectionHandler,
  resources: CodecResources,
): ClientConnection {
  return new Http1ClientConnection(socket, UPSTREAM_HTTP1, handler, resources);
}

/** HTTP/2 with prior knowledge (RFC 9113 section 3.3) on a connected socket. */
export function openHttp2(
  socket: Socket,
  handler: ClientConnectionHandler,
  resources: CodecResources,
  options: Http2Options,
): Http2ClientConnection {
  return new Http2ClientConnection(socket, options, handler, resources);
}
