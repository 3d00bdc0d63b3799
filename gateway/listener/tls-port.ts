import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { hostPort } from '../../federation/model/endpoint.ts';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { TrustBundles } from '../../trust/bundle.ts';
import { ChainCache } from '../../trust/chain-cache.ts';
import type { Svid } from '../../trust/svid.ts';
import { admitMeshPeer, type MeshPeer, meshServerOptions, ticketKeysFor } from '../../trust/tls.ts';

/** Whom this gateway is, and whom it believes. */
export interface TlsIdentity {
  readonly svid: Svid;
  readonly bundles: TrustBundles;
}

export interface TlsPortOptions {
  /** Shared by all workers, so that each resumes the sessions of the others. */
  readonly ticketSecret: Uint8Array;
  readonly handshakeTimeoutMs: number;
  /** Unix ms. */
  readonly now: () => number;
  readonly admitted: (socket: TLSSocket, peer: Exclude<MeshPeer, { kind: 'refused' }>) => void;
  readonly rejected: (reason: RejectionReason, remoteAddress: string) => void;
}

/** Takes TLS connections: handshake, identity, and then whoever serves that kind of peer. */
export class TlsPort {
  readonly #options: TlsPortOptions;
  /** Clients of one cluster come with the same intermediate again and again. */
  readonly #chains = new ChainCache();
  #identity: TlsIdentity | undefined;
  #server: Server | undefined;

  constructor(options: TlsPortOptions) {
    this.#options = options;
  }

  /** Holds for handshakes from now on. Connections that are open stay. */
  identify(identity: TlsIdentity): void {
    this.#identity = identity;
    const ticketKeys = ticketKeysFor(identity.bundles, this.#options.ticketSecret);
    const options = meshServerOptions({ ...identity, ticketKeys });
    if (this.#server === undefined) this.#server = this.#createServer(options);
    else this.#server.setSecureContext(options);
  }

  accept(socket: Socket): void {
    if (this.#server === undefined) {
      this.#options.rejected('no-identity', remoteAddressOf(socket));
      socket.destroy();
      return;
    }
    this.#server.emit('connection', socket);
  }

  #createServer(options: ReturnType<typeof meshServerOptions>): Server {
    const server = createServer({ ...options, handshakeTimeout: this.#options.handshakeTimeoutMs });
    server.on('secureConnection', (socket) => this.#secured(socket));
    server.on('tlsClientError', (error: Error & { readonly code?: string }, socket) => {
      const late = error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT';
      this.#options.rejected(late ? 'tls-handshake-timeout' : 'tls-handshake', remoteAddressOf(socket));
      socket.destroy();
    });
    return server;
  }

  #secured(socket: TLSSocket): void {
    // As on the socket below: what follows from an error comes with `close`.
    socket.on('error', () => {});
    const identity = this.#identity;
    if (identity === undefined) return;
    const peer = admitMeshPeer(socket, identity.bundles, this.#options.now(), this.#chains);
    if (peer.kind === 'refused') {
      this.#options.rejected(`svid-${peer.error.rule}`, remoteAddressOf(socket));
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    this.#options.admitted(socket, peer);
  }
}

export function remoteAddressOf(socket: Socket): string {
  const { remoteAddress = '', remotePort = 0 } = socket;
  return hostPort(remoteAddress, remotePort);
}
