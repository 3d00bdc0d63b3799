import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ConnectionPoolPolicy } from '../../federation/model/connection-pool.ts';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { ClientConnection } from '../http/stream.ts';
import type { Connect } from './connect.ts';
import { type EndpointConnections, type HttpPool, type PoolOptions, withPolicy } from './connection-pool.ts';
import {
  type ConnectionSource,
  type ConnectionWaiter,
  OVERFLOW,
  SOURCE_RETIRED,
} from './connection-source.ts';
import { WaitingRoom } from './waiting-room.ts';

export type HttpVersion = 'h2' | 'http/1.1';

export interface NegotiatedPlace {
  /** Over TLS, with both versions offered. */
  readonly connect: Connect;
  /** For one version, over connections that `connect` opens. */
  readonly pool: (version: HttpVersion, connect: Connect) => HttpPool;
  /** What HTTP/1.1 alone is offered to. */
  readonly forUpgrades: EndpointConnections;
  /** While the version is unknown. */
  readonly options: PoolOptions;
  readonly rejected: (reason: RejectionReason) => void;
}

type State =
  /** Nobody has heard the pod choose; one connection is on its way to hear it. */
  | { readonly kind: 'unknown'; readonly asking: boolean }
  | { readonly kind: 'known'; readonly version: HttpVersion; readonly pool: HttpPool }
  | { readonly kind: 'retired' };

/**
 * Connections to one endpoint whose version of HTTP the pod chooses by ALPN. What the first connection hears makes it a
 * pool of that version, and gives it those who wait. A later connection that hears another version changes the pool.
 */
export class NegotiatedPool implements EndpointConnections {
  readonly forUpgrades: ConnectionSource;
  readonly #place: NegotiatedPlace;
  /** While the version is unknown. */
  readonly #waiting: WaitingRoom;
  #policy: ConnectionPoolPolicy | undefined;
  #options: PoolOptions;
  #state: State = { kind: 'unknown', asking: false };

  constructor(place: NegotiatedPlace) {
    this.#place = place;
    this.forUpgrades = place.forUpgrades;
    this.#options = place.options;
    this.#waiting = new WaitingRoom(place.options.maxWaiting);
  }

  /** undefined: not known yet. */
  get version(): HttpVersion | undefined {
    return this.#state.kind === 'known' ? this.#state.version : undefined;
  }

  acquire(waiter: ConnectionWaiter, once: boolean): ClientConnection | undefined {
    const state = this.#state;
    if (state.kind === 'known') return state.pool.acquire(waiter, once);
    if (state.kind === 'retired') waiter.connectionFailed(SOURCE_RETIRED);
    else if (this.#waiting.size >= this.#options.maxRequests) {
      this.#place.rejected('upstream-max-requests');
      waiter.connectionFailed(OVERFLOW);
    } else if (!this.#waiting.add(waiter)) this.#place.rejected('upstream-max-pending-requests');
    else if (!state.asking) this.#ask();
    return undefined;
  }

  withdraw(waiter: ConnectionWaiter): void {
    this.#waiting.withdraw(waiter);
    if (this.#state.kind === 'known') this.#state.pool.withdraw(waiter);
  }

  adapt(policy: ConnectionPoolPolicy | undefined): void {
    this.#policy = policy;
    this.#options = withPolicy(this.#place.options, policy);
    this.#waiting.capacity = this.#options.maxWaiting;
    this.#place.forUpgrades.adapt(policy);
    if (this.#state.kind === 'known') this.#state.pool.adapt(policy);
  }

  sweep(nowMs: number): void {
    this.#place.forUpgrades.sweep(nowMs);
    if (this.#state.kind === 'known') this.#state.pool.sweep(nowMs);
  }

  retire(): void {
    const state = this.#state;
    this.#state = { kind: 'retired' };
    this.#place.forUpgrades.retire();
    if (state.kind === 'known') state.pool.retire();
    this.#waiting.fail(SOURCE_RETIRED);
  }

  #ask(): void {
    this.#state = { kind: 'unknown', asking: true };
    this.#place.connect(this.#options.connectTimeoutMs, {
      connected: (socket) => {
        if (this.#state.kind === 'unknown') this.#become(socket, this.#waiting.empty());
        else socket.destroy();
      },
      failed: (reason) => {
        if (this.#state.kind === 'unknown') this.#state = { kind: 'unknown', asking: false };
        this.#waiting.fail({ kind: 'connect', reason });
      },
    });
  }

  #become(socket: Socket, waiters: readonly ConnectionWaiter[]): void {
    const version = versionOf(socket);
    const pool = this.#place.pool(version, this.#connectFor(version));
    pool.adapt(this.#policy);
    this.#state = { kind: 'known', version, pool };
    pool.adopt(socket);
    for (const waiter of waiters) {
      const connection = pool.acquire(waiter, true);
      if (connection !== undefined) waiter.connectionReady(connection);
    }
  }

  /** How a pool of one version connects: a connection that turns out to be of the other is not for it. */
  #connectFor(version: HttpVersion): Connect {
    return (timeoutMs, result) =>
      this.#place.connect(timeoutMs, {
        connected: (socket) => {
          const chosen = versionOf(socket);
          if (chosen === version) {
            result.connected(socket);
            return;
          }
          this.#changed(version, socket);
          // By now nobody waits in the old pool.
          result.failed(`the pod speaks ${chosen} now`);
        },
        failed: (reason) => result.failed(reason),
      });
  }

  /** The pod has changed its mind since the pool of version `before` was made. */
  #changed(before: HttpVersion, socket: Socket): void {
    const state = this.#state;
    if (state.kind !== 'known' || state.version !== before) {
      // Another connection has said so already, or nothing is wanted any more.
      socket.destroy();
      return;
    }
    this.#become(socket, state.pool.handOver());
  }
}

/** A pod that does not know ALPN speaks HTTP/1.1 (RFC 9112). */
function versionOf(socket: Socket): HttpVersion {
  return socket instanceof TLSSocket && socket.alpnProtocol === 'h2' ? 'h2' : 'http/1.1';
}
