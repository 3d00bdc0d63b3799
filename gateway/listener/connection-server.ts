import type { Socket } from 'node:net';
import type { ServerConnection } from '../http/stream.ts';
import type { ConnectionContext } from './connection-context.ts';

/** What a downstream connection speaks, once that is known. */
export type DownstreamProtocol = 'http1' | 'http2' | 'tcp';

/** Where the listeners hand connections over: the engine. From then on it reads and writes the socket. */
export interface ConnectionServer {
  /** undefined when nothing can be served yet: the socket is the caller's to close. */
  serve(
    socket: Socket,
    protocol: DownstreamProtocol,
    context: ConnectionContext,
  ): ServerConnection | undefined;
}

/** Which of the gateway's ports a connection came in on. */
export type Listener =
  | { readonly kind: 'http' }
  | { readonly kind: 'mesh' }
  /** TLS that is carried as it is, to the service that its SNI names. */
  | { readonly kind: 'tls-passthrough' }
  /** An imported service's port, whose protocol is fixed. */
  | { readonly kind: 'service'; readonly port: number; readonly protocol: 'http' | 'http2' | 'tcp' };
