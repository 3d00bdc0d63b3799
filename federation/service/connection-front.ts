import { constants } from 'node:crypto';
import { createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls';
import type { TrustBundles } from '../../trust/bundle.ts';
import { certificatesToPem } from '../../trust/pem.ts';
import type { Svid } from '../../trust/svid.ts';
import { SvidError } from '../../trust/svid-error.ts';
import { verifyTlsPeer } from '../../trust/verify.ts';
import type { ListenAddress } from '../config.ts';
import type { SpiffeId } from '../model/identity.ts';
import type { Clock } from '../runtime/clock.ts';
import { ConnectionRoom, type RoomLimits } from './connection-room.ts';
import { FRONT_REFUSALS, type FrontRefusal, type RefusalMeter } from './front-refusals.ts';
import { cannotListen } from './listening.ts';
import { sourceOf } from './source.ts';
import { TokenBucket } from './token-bucket.ts';

export interface FrontOptions {
  readonly clock: Clock;
  /** The only client that is let in with a certificate. */
  readonly gateway: SpiffeId;
  readonly bundles: () => TrustBundles;
  readonly limits: RoomLimits;
  /** Counts what is refused, for all fronts together. */
  readonly refusals: RefusalMeter;
  readonly onRefused: (remoteAddress: string, reason: string) => void;
}

/** Where admitted connections go. */
export interface ConnectionHandlers {
  /** Takes a connection of this cluster's gateway. */
  serveGateway(socket: TLSSocket): void;
  /** Takes a connection without a certificate: it may ask for an SVID and nothing else. */
  serveStranger(socket: TLSSocket): void;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;
const REFUSALS_TOLD = { perSecond: 1, burst: 20 };
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * The one TLS port of the federation service, in front of its two gRPC servers: gRPC's own TLS accepts whatever
 * OpenSSL accepts, and here each certificate must pass SPIFFE's rules. Sessions are never resumed, so each
 * connection shows its chain, and a connection ends when its certificate does. Before it is known who comes, a
 * connection is one of a source and one of the strangers, whose numbers are bounded (`ConnectionRoom`).
 */
export class ConnectionFront {
  readonly #options: FrontOptions;
  readonly #listener: TcpServer;
  readonly #server: Server;
  readonly #room: ConnectionRoom<Socket>;
  /** What is below a TLS connection, by the peer's address and port. */
  readonly #byPeer = new Map<string, Socket>();
  /** Whoever connects in vain again and again must not fill the log. */
  readonly #tellable: TokenBucket;
  #handlers: ConnectionHandlers | undefined;

  constructor(svid: Svid, options: FrontOptions) {
    this.#options = options;
    this.#tellable = new TokenBucket(REFUSALS_TOLD, options.clock.monotonic());
    this.#room = new ConnectionRoom(options.limits);
    this.#server = createServer(tlsOptions(svid, options.bundles()), (socket) => this.#admit(socket));
    this.#server.on('tlsClientError', (failure: Error & { readonly code?: string }, socket) => {
      // It went away by itself, as probes of the port do, or made way.
      if (failure.code !== 'ECONNRESET') {
        this.#refuse(socket, 'tls-handshake', `no TLS handshake: ${failure.message}`);
      }
      socket.destroy();
    });
    this.#listener = createTcpServer((socket) => this.#arrive(socket));
  }

  /** Later connections get the new SVID and are held against the new bundles. */
  renew(svid: Svid): void {
    this.#server.setSecureContext(tlsOptions(svid, this.#options.bundles()));
  }

  /** Connections that came earlier were closed: their gateways come again. */
  serve(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
  }

  /**
   * @returns the port, also when 0 was asked for
   * @throws UserError when the address cannot be listened on.
   */
  async listen(address: ListenAddress): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#listener.once('error', (failure) => reject(cannotListen(address, failure)));
    this.#listener.listen(address, resolve);
    await promise;
    const bound = this.#listener.address();
    return typeof bound === 'object' && bound !== null ? bound.port : address.port;
  }

  /** Takes no more connections and ends those that are left. */
  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#listener.close(() => resolve());
    for (const socket of this.#room.connections) socket.destroy();
    await promise;
  }

  #arrive(socket: Socket): void {
    // What follows from an error comes with `close`.
    socket.on('error', () => {});
    const arrival = this.#room.arrive(socket, sourceOf(socket.remoteAddress ?? ''));
    if (arrival.kind === 'refused') {
      this.#refuse(socket, arrival.reason, FRONT_REFUSALS[arrival.reason]);
      socket.destroy();
      return;
    }
    if (arrival.makesWay !== undefined) {
      this.#refuse(arrival.makesWay, 'stranger-limit', FRONT_REFUSALS['stranger-limit']);
      arrival.makesWay.destroy();
    }
    const peer = peerOf(socket);
    this.#byPeer.set(peer, socket);
    socket.once('close', () => {
      this.#room.leave(socket);
      if (this.#byPeer.get(peer) === socket) this.#byPeer.delete(peer);
    });
    this.#server.emit('connection', socket);
  }

  #admit(socket: TLSSocket): void {
    socket.on('error', () => socket.destroy());
    if (this.#handlers === undefined) {
      this.#refuse(socket, 'not-serving', FRONT_REFUSALS['not-serving']);
      socket.destroy();
    } else if (socket.getPeerX509Certificate() === undefined) {
      this.#handlers.serveStranger(socket);
    } else {
      this.#admitMember(socket, this.#handlers);
    }
  }

  #admitMember(socket: TLSSocket, handlers: ConnectionHandlers): void {
    const below = this.#byPeer.get(peerOf(socket));
    const reason = this.#refusal(socket);
    if (reason === undefined && below !== undefined) {
      this.#room.authenticate(below);
      this.#endWithCertificate(socket);
      handlers.serveGateway(socket);
      return;
    }
    // Without either it has gone already.
    if (reason !== undefined) this.#refuse(socket, 'not-our-gateway', reason);
    socket.destroy();
  }

  /** Counts each, and tells of some. */
  #refuse(socket: Socket, word: FrontRefusal, reason: string): void {
    const { clock, onRefused, refusals } = this.#options;
    refusals.count(word);
    if (this.#tellable.take(clock.monotonic())) onRefused(socket.remoteAddress ?? 'unknown', reason);
  }

  #refusal(socket: TLSSocket): string | undefined {
    const { bundles, clock, gateway } = this.#options;
    try {
      const id = verifyTlsPeer(socket, bundles(), clock.now());
      return id.text === gateway.text ? undefined : `${id.text} may not follow, only ${gateway.text}`;
    } catch (failure) {
      if (!(failure instanceof SvidError)) throw failure;
      return failure.message;
    }
  }

  #endWithCertificate(socket: TLSSocket): void {
    const notAfter = socket.getPeerX509Certificate()?.validToDate ?? new Date(0);
    const leftMs = notAfter.getTime() - this.#options.clock.now();
    const cancel = this.#options.clock.after(Math.min(leftMs, MAX_TIMER_MS), () => socket.destroy());
    socket.once('close', cancel);
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function tlsOptions(svid: Svid, bundles: TrustBundles): TlsOptions {
  return {
    cert: svid.certificateChainPem,
    key: svid.privateKeyPem,
    ca: [...bundles.values()].flat().map((der) => certificatesToPem([der])),
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    secureOptions: constants.SSL_OP_NO_TICKET,
    ALPNProtocols: ['h2'],
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  };
}
