import type { Socket } from 'node:net';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import { Standstill } from '../http/standstill.ts';
import type { ClientConnection, ClientConnectionHandler } from '../http/stream.ts';
import type { HttpPool, PoolOptions, PoolPlace } from './connection-pool.ts';
import { type ConnectionSource, type ConnectionWaiter, ENDPOINT_GONE } from './connection-source.ts';
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
  readonly #options: PoolOptions;
  readonly #waiting: WaitingRoom;
  readonly #connections: SharedConnection[] = [];
  readonly #standstill = new Standstill(STANDSTILL_MS);
  #connecting = false;
  /** Connected, but without its peer's SETTINGS. */
  #opening: SharedConnection | undefined;
  #retired = false;

  constructor(place: PoolPlace<PingedConnection>, options: PoolOptions) {
    this.#place = place;
    this.#options = options;
    this.#waiting = new WaitingRoom(options.maxWaiting);
  }

  acquire(waiter: ConnectionWaiter): ClientConnection | undefined {
    for (const { connection } of this.#connections) if (connection.available) return connection;
    this.#waiting.add(waiter);
    this.#grow();
    return undefined;
  }

  withdraw(waiter: ConnectionWaiter): void {
    this.#waiting.withdraw(waiter);
  }

  get forUpgrades(): ConnectionSource {
    return this;
  }

  adopt(socket: Socket): void {
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
    for (const waiter of this.handOver()) waiter.connectionFailed(ENDPOINT_GONE);
  }

  /** Each connection closes after its last stream. */
  handOver(): readonly ConnectionWaiter[] {
    this.#retired = true;
    for (const { connection } of [...this.#connections]) connection.drain();
    return this.#waiting.empty();
  }

  serve(shared: SharedConnection): void {
    this.#waiting.serve(shared.connection);
    if (this.#waiting.size > 0) this.#grow();
  }

  /** What its peer allows is known now. */
  ready(shared: SharedConnection): void {
    this.#connecting = false;
    this.#opening = undefined;
    this.#connections.push(shared);
    this.serve(shared);
    if (this.#retired) shared.connection.drain();
  }

  /** It takes no more streams, or is closed. */
  gone(shared: SharedConnection, reason: string): void {
    if (!shared.ready) {
      this.#failed(reason);
      return;
    }
    const index = this.#connections.indexOf(shared);
    if (index >= 0) this.#connections.splice(index, 1);
    if (this.#waiting.size > 0) this.#grow();
  }

  rejected(reason: RejectionReason): void {
    this.#place.rejected(reason);
  }

  #grow(): void {
    if (this.#connecting || this.#connections.length >= this.#options.maxConnections) return;
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
    if (this.ready) this.#pool.gone(this, 'draining');
  }

  rejected(reason: RejectionReason): void {
    this.#pool.rejected(reason);
  }

  closed(reason: string): void {
    this.#pool.gone(this, reason);
  }
}
