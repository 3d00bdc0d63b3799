import type { Socket } from 'node:net';
import type { ConnectionPoolPolicy } from '../../federation/model/connection-pool.ts';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import { Standstill } from '../http/standstill.ts';
import type { ClientConnection, ClientConnectionHandler } from '../http/stream.ts';
import { type HttpPool, type PoolOptions, type PoolPlace, withPolicy } from './connection-pool.ts';
import {
  type ConnectionSource,
  type ConnectionWaiter,
  OVERFLOW,
  SOURCE_RETIRED,
} from './connection-source.ts';
import { WaitingRoom } from './waiting-room.ts';

/** `sweep` is called each second: later than this, the process stood still. */
const STANDSTILL_MS = 2_000;
/** From the connect to the peer's SETTINGS: the kernel of a pod that was stopped still accepts. */
const SETTINGS_TIMEOUT_MS = 5_000;

/** A connection that can be asked for a sign of life. */
interface PingedConnection extends ClientConnection {
  ping(onAnswer: () => void): void;
}

/** HTTP/2 connections to one endpoint: one while it takes all streams, else a few. */
export class Http2Pool implements HttpPool {
  readonly #place: PoolPlace<PingedConnection>;
  readonly #defaults: PoolOptions;
  #options: PoolOptions;
  readonly #waiting: WaitingRoom;
  readonly #connections: SharedConnection[] = [];
  /** Those that serve to the end what they were given. */
  readonly #leaving = new Set<SharedConnection>();
  readonly #standstill = new Standstill(STANDSTILL_MS);
  #connecting = false;
  /** Connected, but without its peer's SETTINGS. */
  #opening: SharedConnection | undefined;
  #retired = false;

  constructor(place: PoolPlace<PingedConnection>, options: PoolOptions) {
    this.#place = place;
    this.#defaults = options;
    this.#options = options;
    this.#waiting = new WaitingRoom(options.maxWaiting);
  }

  acquire(waiter: ConnectionWaiter): ClientConnection | undefined {
    if (this.#options.maxRequests !== Number.POSITIVE_INFINITY && this.#isFull) {
      this.rejected('upstream-max-requests');
      waiter.connectionFailed(OVERFLOW);
      return undefined;
    }
    for (const shared of this.#connections) {
      if (!shared.connection.available) continue;
      this.#took(shared, 1);
      return shared.connection;
    }
    if (this.#retired) waiter.connectionFailed(SOURCE_RETIRED);
    else if (this.#waiting.add(waiter)) this.#grow();
    else this.rejected('upstream-max-pending-requests');
    return undefined;
  }

  get #isFull(): boolean {
    let requests = this.#waiting.size;
    for (const { connection } of this.#connections) requests += connection.openStreams;
    for (const { connection } of this.#leaving) requests += connection.openStreams;
    return requests >= this.#options.maxRequests;
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
    for (const shared of this.#connections.slice(this.#options.maxConnections)) this.#leave(shared);
    if (this.#waiting.size > 0) this.#grow();
  }

  adopt(socket: Socket): void {
    if (this.#retired) {
      socket.destroy();
      return;
    }
    this.#connecting = true;
    this.#opening = new SharedConnection(this, socket, this.#place);
  }

  /** Closes what has had no stream, or no SETTINGS, for too long. @param nowMs monotonic */
  sweep(nowMs: number): void {
    this.#lookAtOpening(nowMs, this.#standstill.look(nowMs));
    for (const shared of this.#connections) {
      if (shared.connection.openStreams > 0) shared.idleSinceMs = nowMs;
      else if (nowMs - shared.idleSinceMs >= this.#options.idleTimeoutMs) shared.connection.drain();
    }
  }

  retire(): void {
    for (const waiter of this.handOver()) waiter.connectionFailed(SOURCE_RETIRED);
  }

  /** Each connection closes after its last stream, and one that nobody has used yet at once. */
  handOver(): readonly ConnectionWaiter[] {
    this.#retired = true;
    for (const { connection } of [...this.#connections]) connection.drain();
    const waiters = this.#waiting.empty();
    // Nobody would end it where its peer never says its SETTINGS: `sweep` is not called any more.
    this.#opening?.connection.destroy();
    return waiters;
  }

  serve(shared: SharedConnection): void {
    const most = this.#options.maxRequestsPerConnection - shared.requests;
    this.#took(shared, this.#waiting.serve(shared.connection, most));
    if (this.#waiting.size > 0) this.#grow();
  }

  /** What its peer allows is known now. */
  ready(shared: SharedConnection): void {
    this.#connecting = false;
    this.#opening = undefined;
    this.#connections.push(shared);
    this.serve(shared);
  }

  /** It takes no more streams; those that it has go on. */
  leaves(shared: SharedConnection): void {
    const index = this.#connections.indexOf(shared);
    if (index < 0) return;
    this.#connections.splice(index, 1);
    this.#leaving.add(shared);
    if (this.#waiting.size > 0) this.#grow();
  }

  gone(shared: SharedConnection, reason: string): void {
    if (!shared.ready) {
      this.#failed(reason);
      return;
    }
    const index = this.#connections.indexOf(shared);
    if (index >= 0) this.#connections.splice(index, 1);
    this.#leaving.delete(shared);
    if (this.#waiting.size > 0) this.#grow();
  }

  rejected(reason: RejectionReason): void {
    this.#place.rejected(reason);
  }

  /** Counts requests that a connection was given, and replaces it when they are as many as it may have. */
  #took(shared: SharedConnection, requests: number): void {
    shared.requests += requests;
    if (shared.requests >= this.#options.maxRequestsPerConnection) this.#leave(shared);
  }

  /** It gets no more requests, and closes after its last one, which may not have been sent yet. */
  #leave(shared: SharedConnection): void {
    shared.worn = true;
    this.leaves(shared);
    queueMicrotask(() => shared.connection.drain());
  }

  /** What a pod itself keeps open beyond its GOAWAY does not count: its streams may last for hours. */
  get #counted(): number {
    let counted = this.#connections.length;
    for (const { worn } of this.#leaving) if (worn) counted++;
    return counted;
  }

  #grow(): void {
    if (this.#connecting || this.#counted >= this.#options.maxConnections) return;
    this.#connecting = true;
    this.#place.connect(this.#options.connectTimeoutMs, {
      connected: (socket) => this.adopt(socket),
      failed: (reason) => this.#failed(reason),
    });
  }

  #lookAtOpening(nowMs: number, stoodStill: boolean): void {
    const opening = this.#opening;
    if (opening === undefined) return;
    if (stoodStill) opening.idleSinceMs = nowMs;
    else if (nowMs - opening.idleSinceMs >= SETTINGS_TIMEOUT_MS) opening.connection.destroy();
  }

  #failed(reason: string): void {
    this.#connecting = false;
    this.#opening = undefined;
    if (this.#connections.length === 0) this.#waiting.fail({ kind: 'connect', reason });
  }
}

class SharedConnection implements ClientConnectionHandler {
  readonly connection: ClientConnection;
  /** Its first PING was answered, and so its peer's SETTINGS have come. */
  ready = false;
  /** That it was given. */
  requests = 0;
  /** It leaves because of a bound of ours. */
  worn = false;
  /** Monotonic ms. */
  idleSinceMs: number;
  readonly #pool: Http2Pool;

  constructor(pool: Http2Pool, socket: Socket, place: PoolPlace<PingedConnection>) {
    this.#pool = pool;
    this.idleSinceMs = place.clock.monotonic();
    const connection = place.wrap(socket, this);
    this.connection = connection;
    connection.ping(() => {
      this.ready = true;
      pool.ready(this);
    });
  }

  availabilityChanged(): void {
    if (this.ready && this.connection.available) this.#pool.serve(this);
  }

  draining(): void {
    if (this.ready) this.#pool.leaves(this);
  }

  rejected(reason: RejectionReason): void {
    this.#pool.rejected(reason);
  }

  closed(reason: string): void {
    this.#pool.gone(this, reason);
  }
}
