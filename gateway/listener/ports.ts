import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ClusterName } from '../../federation/model/cluster.ts';
import type { SpiffeId, TrustDomain } from '../../federation/model/identity.ts';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { MeshPeer } from '../../trust/tls.ts';
import type { SharedReads } from '../http/shared-reads.ts';
import type { TimerWheel } from '../http/timer-wheel.ts';
import { readClientHello } from './client-hello.ts';
import type { ConnectionContext } from './connection-context.ts';
import type { ConnectionServer, DownstreamProtocol, Listener } from './connection-server.ts';
import type { EnrolmentPort } from './enrolment.ts';
import { recognize } from './first-bytes.ts';
import { readFirst } from './first-read.ts';
import type { OpenConnections } from './open-connections.ts';
import { MISSING_EXTENSION } from './tls-alert.ts';
import { remoteAddressOf, type TlsIdentity, TlsPort } from './tls-port.ts';

export interface PortsOptions {
  readonly server: ConnectionServer;
  readonly connections: OpenConnections;
  readonly reads: SharedReads;
  readonly timers: TimerWheel;
  readonly enrolment: EnrolmentPort;
  readonly ticketSecret: Uint8Array;
  readonly handshakeTimeoutMs: number;
  /** For a client's first bytes on a plaintext port. */
  readonly headerTimeoutMs: number;
  /** Unix ms. */
  readonly now: () => number;
  /** Which peer has this trust domain; undefined = none that is known. */
  readonly clusterOf: (trustDomain: TrustDomain) => ClusterName | undefined;
  readonly rejected: (reason: RejectionReason, remoteAddress: string) => void;
}

/** A worker's side of all ports: finds out what a connection is, and hands it to the engine with its context. */
export class Ports {
  readonly #options: PortsOptions;
  /** Trunks, enrolment, clients with an SVID. */
  readonly #mesh: TlsPort;
  /** TLS on the shared HTTP port: clients with an SVID only. */
  readonly #clients: TlsPort;

  constructor(options: PortsOptions) {
    this.#options = options;
    const { ticketSecret, handshakeTimeoutMs, now, rejected } = options;
    const tls = { ticketSecret, handshakeTimeoutMs, now, rejected };
    this.#mesh = new TlsPort({ ...tls, admitted: (socket, peer) => this.#admitted(socket, peer) });
    this.#clients = new TlsPort({
      ...tls,
      admitted: (socket, peer) => {
        if (peer.kind === 'client') this.#admitted(socket, peer);
        else this.#refuse(socket, 'not-a-client');
      },
    });
  }

  identify(identity: TlsIdentity): void {
    this.#mesh.identify(identity);
    this.#clients.identify(identity);
  }

  accept(socket: Socket, listener: Listener): void {
    if (!this.#options.connections.admit(socket, listener.kind)) return;
    socket.setNoDelay(true);
    switch (listener.kind) {
      case 'mesh':
        this.#mesh.accept(socket);
        return;
      case 'http':
        this.#lookAtFirstBytes(socket, undefined, 'tls-allowed');
        return;
      case 'tls-passthrough':
        this.#lookAtClientHello(socket);
        return;
      case 'service':
        this.#acceptForService(socket, listener);
    }
  }

  #acceptForService(socket: Socket, listener: Listener & { kind: 'service' }): void {
    if (listener.protocol !== 'tcp') {
      this.#lookAtFirstBytes(socket, listener.port, 'plaintext-only');
      return;
    }
    // A client that waits for its server to speak first would wait for ever if its first byte were waited for.
    const adopted = this.#adopt(socket, socket.read() ?? NOTHING);
    this.#serve(adopted, 'tcp', plaintext(adopted, listener.port));
  }

  /** Half open: a client may end its sending and still wait for its answer; whoever serves it ends the socket. */
  #adopt(socket: Socket, read: Buffer): Socket {
    const adopted = this.#options.reads.adopt(socket, read);
    this.#options.connections.moved(socket, adopted);
    return adopted;
  }

  #lookAtFirstBytes(
    socket: Socket,
    listenPort: number | undefined,
    tls: 'tls-allowed' | 'plaintext-only',
  ): void {
    const { headerTimeoutMs, timers, rejected } = this.#options;
    readFirst(socket, timers, headerTimeoutMs, {
      recognize,
      found: (kind, read) => {
        if (kind !== 'tls') {
          const adopted = this.#adopt(socket, read);
          this.#serve(adopted, kind, plaintext(adopted, listenPort));
        } else if (tls === 'tls-allowed') {
          socket.unshift(read);
          this.#clients.accept(socket);
        } else this.#refuse(socket, 'tls-on-plaintext-port');
      },
      late: () => rejected('header-timeout', remoteAddressOf(socket)),
    });
  }

  /** What was read goes on untouched: the handshake is the client's and the service's own. */
  #lookAtClientHello(socket: Socket): void {
    const { handshakeTimeoutMs, timers } = this.#options;
    readFirst(socket, timers, handshakeTimeoutMs, {
      recognize: readClientHello,
      found: (hello, read) => {
        if (hello.kind === 'malformed') this.#refuse(socket, 'client-hello-invalid');
        else if (hello.serverName === undefined) {
          this.#refuse(socket, 'server-name-missing', MISSING_EXTENSION);
        } else {
          const adopted = this.#adopt(socket, read);
          this.#serve(adopted, 'tcp', passthrough(adopted, hello.serverName));
        }
      },
      late: () => this.#options.rejected('tls-handshake-timeout', remoteAddressOf(socket)),
    });
  }

  #admitted(socket: TLSSocket, peer: Exclude<MeshPeer, { kind: 'refused' }>): void {
    switch (peer.kind) {
      case 'enrolment':
        this.#options.enrolment.serve(socket, remoteAddressOf(socket));
        return;
      case 'client':
        this.#serve(socket, peer.protocol === 'h2' ? 'http2' : 'http1', client(socket, peer.caller));
        return;
      case 'trunk': {
        const cluster = this.#options.clusterOf(peer.trustDomain);
        if (cluster === undefined) this.#refuse(socket, 'unknown-peer');
        else this.#serve(socket, 'http2', trunk(socket, cluster));
      }
    }
  }

  #serve(socket: Socket, protocol: DownstreamProtocol, context: ConnectionContext): void {
    const connection = this.#options.server.serve(socket, protocol, context);
    if (connection === undefined) this.#refuse(socket, 'no-snapshot');
    else this.#options.connections.serving(socket, connection);
  }

  #refuse(socket: Socket, reason: RejectionReason, lastWords?: Buffer): void {
    this.#options.rejected(reason, remoteAddressOf(socket));
    if (lastWords === undefined) {
      socket.destroy();
      return;
    }
    socket.write(lastWords);
    socket.destroySoon();
  }
}

function plaintext(socket: Socket, listenPort: number | undefined): ConnectionContext {
  const remoteAddress = remoteAddressOf(socket);
  return { ...ANONYMOUS_CLIENT, listenPort, remoteAddress };
}

function passthrough(socket: Socket, serverName: string): ConnectionContext {
  const remoteAddress = remoteAddressOf(socket);
  return { ...ANONYMOUS_CLIENT, origin: 'tls-passthrough', serverName, remoteAddress };
}

function client(socket: TLSSocket, caller: SpiffeId): ConnectionContext {
  // Node has `false` where a client named no server.
  const serverName = socket.servername || undefined;
  return { ...ANONYMOUS_CLIENT, caller, serverName, remoteAddress: remoteAddressOf(socket) };
}

function trunk(socket: TLSSocket, peerCluster: ClusterName): ConnectionContext {
  return { ...ANONYMOUS_CLIENT, origin: 'trunk', peerCluster, remoteAddress: remoteAddressOf(socket) };
}

const NOTHING = Buffer.alloc(0);

const ANONYMOUS_CLIENT = {
  origin: 'client',
  caller: undefined,
  peerCluster: undefined,
  listenPort: undefined,
  serverName: undefined,
} as const;
