import type { Socket } from 'node:net';
import type { ServerConnection } from '../http/stream.ts';
import type { MeterTable } from '../telemetry/meter-table.ts';
import type { Listener } from './connection-server.ts';

type Phase =
  | { readonly kind: 'open' }
  /** New connections still come, for who sends them has not heard yet. */
  | { readonly kind: 'leaving' }
  | { readonly kind: 'draining'; readonly emptied: () => void };

/** A worker's downstream connections, from accept to close: counted, bounded, and drained together. */
export class OpenConnections {
  readonly #meters: MeterTable;
  readonly #maxConnections: number;
  readonly #sockets = new Map<Socket, Listener['kind']>();
  /** Those of which it is known what they speak. */
  readonly #served = new Map<ServerConnection, Socket>();
  #phase: Phase = { kind: 'open' };
  /** Nothing was under way on them at the last look of `shedIdle`. */
  #idle = new Set<ServerConnection>();
  /** The worker has so much to do that it takes no new connections. */
  refusesMore = false;

  constructor(meters: MeterTable, maxConnections: number) {
    this.#meters = meters;
    this.#maxConnections = maxConnections;
  }

  get size(): number {
    return this.#sockets.size;
  }

  /** A socket as it was accepted. False when there are too many: then it is closed. */
  admit(socket: Socket, listener: Listener['kind']): boolean {
    const full = this.#sockets.size >= this.#maxConnections;
    if (full || this.refusesMore) {
      this.#meters.countRejected(full ? 'connections' : 'overload-connections');
      socket.on('error', () => {});
      socket.destroy();
      return false;
    }
    this.#meters.connectionOpened(listener);
    this.#watch(socket, listener);
    return true;
  }

  /** An admitted connection is another socket object from now on. */
  moved(from: Socket, to: Socket): void {
    const listener = this.#sockets.get(from);
    if (listener === undefined || from === to) return;
    this.#sockets.delete(from);
    this.#watch(to, listener);
  }

  /** What is spoken on `socket`, which is the admitted one or TLS over it, is served from now on. */
  serving(socket: Socket, connection: ServerConnection): void {
    if (socket.destroyed) return;
    this.#served.set(connection, socket);
    socket.once('close', () => this.#served.delete(connection));
    if (this.#phase.kind === 'draining' || (this.#phase.kind === 'leaving' && isHttp1(connection))) {
      connection.drain();
    }
  }

  /**
   * A drain will begin. HTTP/1 hears with its next answer that it is the last one on that connection, while others are still
   * to be had: a connection that is closed later, in a silence, may cost a request that is just being sent. HTTP/2 has GOAWAY.
   */
  leave(): void {
    this.#phase = { kind: 'leaving' };
    for (const connection of this.#served.keys()) if (isHttp1(connection)) connection.drain();
  }

  /** Resolves when all have ended by themselves. What was admitted before is still served. */
  drain(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#phase = { kind: 'draining', emptied: resolve };
    for (const connection of this.#served.keys()) connection.drain();
    this.#checkEmpty();
    return promise;
  }

  /** Ends those on which nothing is under way: HTTP/1 has no way to tell a silent client that it is over. */
  endIdle(): void {
    for (const [connection, socket] of this.#served) if (connection.openStreams === 0) socket.end();
  }

  /**
   * Clients that have nothing under way, at two looks in a row, are disconnected, and those of HTTP/1 that have are told
   * to come back on another connection. Trunks stay.
   */
  shedIdle(): void {
    const idle = new Set<ServerConnection>();
    for (const [connection, socket] of this.#served) {
      const { multiplexes, openStreams } = connection;
      if (multiplexes === 'gateway') continue;
      if (openStreams === 0 && !this.#idle.has(connection)) idle.add(connection);
      else if (openStreams === 0 && multiplexes === undefined) socket.end();
      // With its answer under way, HTTP/1 hears that it is the last one; idle HTTP/2 gets GOAWAY.
      else if (openStreams === 0 || multiplexes === undefined) connection.drain();
    }
    this.#idle = idle;
  }

  destroy(): void {
    for (const connection of this.#served.keys()) connection.destroy();
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  #watch(socket: Socket, listener: Listener['kind']): void {
    this.#sockets.set(socket, listener);
    // Without a listener an error would end the process; all that follows from one comes with `close`.
    socket.on('error', () => {});
    socket.once('close', () => {
      if (!this.#sockets.delete(socket)) return;
      this.#meters.connectionClosed(listener);
      this.#checkEmpty();
    });
  }

  #checkEmpty(): void {
    if (this.#phase.kind === 'draining' && this.#sockets.size === 0) this.#phase.emptied();
  }
}

/** Or opaque TCP, which takes no notice. */
function isHttp1({ multiplexes }: ServerConnection): boolean {
  return multiplexes === undefined;
}
