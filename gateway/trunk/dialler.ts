import { connect, type TLSSocket } from 'node:tls';
import type { GatewayAddress } from '../../federation/model/cluster.ts';
import type { Peer } from '../../federation/model/snapshot.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import type { TrustBundles } from '../../trust/bundle.ts';
import type { Svid } from '../../trust/svid.ts';
import { checkTrunkServer, trunkClientOptions } from '../../trust/tls.ts';
import { type TrunkSession, watchTrunkSessions } from '../../trust/trunk-session.ts';
import type { SharedReads } from '../http/shared-reads.ts';

/** Who we are on a trunk, and whom we trust; replaced as a whole when either changes. */
export interface TrunkCredentials {
  readonly svid: Svid;
  readonly bundles: TrustBundles;
}

export interface DialResult {
  /** The handshake is done and the peer is the gateway of its cluster. */
  connected(socket: TLSSocket): void;
  /** No address led to it; `reason` is for the log. */
  failed(reason: string): void;
}

/** Opens the TLS connections of trunks. */
export class TrunkDialler {
  readonly #clock: Clock;
  readonly #reads: SharedReads;
  readonly #random: () => number;
  readonly #timeoutMs: number;
  readonly #credentials: () => TrunkCredentials | undefined;
  readonly #sessions = new Map<string, TrunkSession>();
  #sessionsOf: TrunkCredentials | undefined;

  /** @param options `timeoutMs` is for TCP and TLS together, for each address. */
  constructor(options: {
    readonly clock: Clock;
    readonly reads: SharedReads;
    readonly random: () => number;
    readonly timeoutMs: number;
    readonly credentials: () => TrunkCredentials | undefined;
  }) {
    this.#clock = options.clock;
    this.#reads = options.reads;
    this.#random = options.random;
    this.#timeoutMs = options.timeoutMs;
    this.#credentials = options.credentials;
  }

  /** Tries the peer's addresses in turn, from any one on. The returned function gives up. */
  dial(peer: Peer, result: DialResult): () => void {
    const credentials = this.#credentials();
    if (credentials === undefined || peer.gateways.length === 0) {
      const reason =
        credentials === undefined ? 'this gateway has no SVID yet' : 'no gateway address is known';
      return this.#clock.after(0, () => result.failed(reason));
    }
    const first = Math.floor(this.#random() * peer.gateways.length);
    const addresses = [...peer.gateways.slice(first), ...peer.gateways.slice(0, first)];
    return this.#dialNext(peer, addresses, credentials, result);
  }

  #dialNext(
    peer: Peer,
    addresses: readonly GatewayAddress[],
    credentials: TrunkCredentials,
    result: DialResult,
  ): () => void {
    const [address, ...others] = addresses;
    if (address === undefined) return () => undefined;
    let cancel = this.#dialOne(peer, address, credentials, {
      connected: (socket) => result.connected(socket),
      failed: (reason) => {
        if (others.length === 0) result.failed(reason);
        else cancel = this.#dialNext(peer, others, credentials, result);
      },
    });
    return () => cancel();
  }

  #dialOne(
    peer: Peer,
    address: GatewayAddress,
    credentials: TrunkCredentials,
    result: DialResult,
  ): () => void {
    const peerTrustDomain = peer.trustDomain;
    const { bundles } = credentials;
    const session = this.#sessionFor(address, credentials);
    const tls = trunkClientOptions({ ...credentials, peerTrustDomain, session, nowMs: this.#clock.now() });
    const to = { host: address.host, port: address.port, ...tls };
    const socket = this.#reads.dial((onread) => {
      // Node documents it for `tls.connect`; its type has it for `net.connect` alone.
      const reading = { ...to, onread };
      return connect(reading);
    });
    socket.setNoDelay(true);
    const settle = (): void => {
      cancelTimeout();
      socket.off('secureConnect', secured);
      socket.off('error', failed);
      socket.off('close', closed);
    };
    const giveUp = (): void => {
      settle();
      // It may still say why it would have failed: nobody waits for it any more.
      socket.on('error', () => undefined);
      socket.destroy();
    };
    const failed = (failure: Error): void => {
      giveUp();
      this.#sessions.delete(sessionKey(address));
      result.failed(`${address.host}:${address.port}: ${failure.message}`);
    };
    const closed = (): void => failed(new Error('closed in the handshake'));
    const secured = (): void => {
      const expected = { bundles, peerTrustDomain, session, nowMs: this.#clock.now() };
      try {
        checkTrunkServer(socket, expected);
      } catch (failure) {
        failed(failure instanceof Error ? failure : new Error(String(failure)));
        return;
      }
      settle();
      watchTrunkSessions(socket, expected, (next) => this.#sessions.set(sessionKey(address), next));
      result.connected(socket);
    };
    const cancelTimeout = this.#clock.after(this.#timeoutMs, () => {
      failed(new Error(`no trunk after ${this.#timeoutMs} ms`));
    });
    socket.once('secureConnect', secured);
    socket.once('error', failed);
    socket.once('close', closed);
    return giveUp;
  }

  /** Sessions are of the credentials they were made with. */
  #sessionFor(address: GatewayAddress, credentials: TrunkCredentials): TrunkSession | undefined {
    if (this.#sessionsOf !== credentials) this.#sessions.clear();
    this.#sessionsOf = credentials;
    return this.#sessions.get(sessionKey(address));
  }
}

function sessionKey(address: GatewayAddress): string {
  return `${address.host}:${address.port}`;
}
