import type { Socket } from 'node:net';
import type { ConnectionPoolPolicy } from '../../federation/model/connection-pool.ts';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { ClientConnection, ClientConnectionHandler } from '../http/stream.ts';
import { type HttpPool, type PoolOptions, type PoolPlace, withPolicy } from './connection-pool.ts';
import {
  type ConnectionSource,
  type ConnectionWaiter,
  OVERFLOW,
  SOURCE_RETIRED,
} from './connection-source.ts';
import { WaitingRoom } from './waiting-room.ts';

/**
 * HTTP/1.1 connections to one endpoint, one request at a time on each. The last used is used first, so that those
 * that are not needed grow old and are closed.
 */
export class Http1Pool implements HttpPool {
  readonly #place: PoolPlace;
  readonly #defaults: PoolOptions;
  #options: PoolOptions;
  readonly #waiting: WaitingRoom;
  /** Oldest first. */
  readonly #idle: PooledConnection[] = [];
  /** Connecting, busy and idle ones. */
  #count = 0;
  #connecting = 0;
  #retired = false;

  constructor(place: PoolPlace, options: PoolOptions) {
    this.#place = place;
    this.#defaults = options;
    this.#options = options;
    this.#waiting = new WaitingRoom(options.maxWaiting);
  }

  acquire(waiter: ConnectionWaiter, once: boolean): ClientConnection | undefined {
    if (this.#underWay >= this.#options.maxRequests) {
      this.rejected('upstream-max-requests');
      waiter.connectionFailed(OVERFLOW);
      return undefined;
    }
    for (let pooled = this.#idle.pop(); pooled !== undefined; pooled = this.#idle.pop()) {
      const { connection } = pooled;
      pooled.idle = false;
      if (connection.available && !(once && this.#isOld(pooled))) {
        pooled.requests++;
        return connection;
      }
      connection.destroy();
    }
    if (this.#waiting.add(waiter)) this.#grow();
    else this.rejected('upstream-max-pending-requests');
    return undefined;
  }

  /** Requests with a connection, or that wait for one. */
  get #underWay(): number {
    return this.#count - this.#connecting - this.#idle.length + this.#waiting.size;
  }

  withdraw(waiter: ConnectionWaiter): void {
    this.#waiting.withdraw(waiter);
  }

  get forUpgrades(): ConnectionSource {
    return this;
  }

  adapt(policy: ConnectionPoolPolicy | undefined): void {
    this.#options = withPolicy(this.#defaults, policy);
    this.#waiting.capacity = this.#options.maxWaiting;
    this.#grow();
  }

  adopt(socket: Socket): void {
    this.#count++;
    this.ready(new PooledConnection(this, socket, this.#place.wrap));
  }

  /** Closes what has been idle for too long. @param nowMs monotonic */
  sweep(nowMs: number): void {
    const fresh = this.#idle.findIndex((pooled) => nowMs - pooled.idleSinceMs < this.#options.idleTimeoutMs);
    const stale = this.#idle.splice(0, fresh < 0 ? this.#idle.length : fresh);
    for (const pooled of stale) {
      pooled.idle = false;
      pooled.connection.destroy();
    }
  }

  retire(): void {
    for (const waiter of this.handOver()) waiter.connectionFailed(SOURCE_RETIRED);
  }

  /** Idle connections close now, the others after their request. */
  handOver(): readonly ConnectionWaiter[] {
    this.#retired = true;
    this.sweep(Number.POSITIVE_INFINITY);
    return this.#waiting.empty();
  }

  /** A connection can take a request: the next that waits, or it becomes idle. */
  ready(pooled: PooledConnection): void {
    const { maxConnections, maxRequestsPerConnection } = this.#options;
    const worn = pooled.requests >= maxRequestsPerConnection || this.#count > maxConnections;
    if (!worn) pooled.requests += this.#waiting.serve(pooled.connection);
    if (!pooled.connection.available || pooled.idle) return;
    if (worn || this.#retired) {
      pooled.connection.destroy();
      return;
    }
    pooled.idle = true;
    pooled.idleSinceMs = this.#place.clock.monotonic();
    this.#idle.push(pooled);
  }

  closed(pooled: PooledConnection): void {
    if (pooled.idle) this.#idle.splice(this.#idle.indexOf(pooled), 1);
    pooled.idle = false;
    this.#count--;
    this.#grow();
  }

  rejected(reason: RejectionReason): void {
    this.#place.rejected(reason);
  }

  #isOld(pooled: PooledConnection): boolean {
    return this.#place.clock.monotonic() - pooled.idleSinceMs > this.#options.freshMs;
  }

  /** Opens as many connections as requests wait. */
  #grow(): void {
    while (this.#connecting < this.#waiting.size && this.#count < this.#options.maxConnections) {
      this.#count++;
      this.#connecting++;
      this.#place.connect(this.#options.connectTimeoutMs, {
        connected: (socket) => {
          this.#connecting--;
          this.#count--;
          this.adopt(socket);
        },
        failed: (reason) => {
          this.#connecting--;
          this.#count--;
          this.#failed(reason);
        },
      });
    }
  }

  /** A connect stands for one request that waits; all fail only when no other connection is there or to come. */
  #failed(reason: string): void {
    const unserved = this.#waiting.size - this.#connecting;
    if (this.#count === 0) this.#waiting.fail({ kind: 'connect', reason });
    else if (unserved > 0) this.#waiting.fail({ kind: 'connect', reason }, 1);
    this.#grow();
  }
}

class PooledConnection implements ClientConnectionHandler {
  readonly connection: ClientConnection;
  idle = false;
  /** That it was given. */
  requests = 0;
  /** Monotonic ms; of the last time it became idle. */
  idleSinceMs = 0;
  readonly #pool: Http1Pool;

  constructor(pool: Http1Pool, socket: Socket, wrap: PoolPlace['wrap']) {
    this.#pool = pool;
    this.connection = wrap(socket, this);
  }

  availabilityChanged(): void {
    if (this.connection.available) this.#pool.ready(this);
  }

  draining(): void {
    // It closes after its response; `available` stays false until then.
  }

  rejected(reason: RejectionReason): void {
    this.#pool.rejected(reason);
  }

  closed(_reason: string): void {
    this.#pool.closed(this);
  }
}
