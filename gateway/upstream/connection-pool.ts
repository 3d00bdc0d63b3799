import type { Socket } from 'node:net';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import type { SharedReads } from '../http/shared-reads.ts';
import type { ClientConnection, ClientConnectionHandler } from '../http/stream.ts';
import type { ConnectTarget } from './connect.ts';

/** How a pool treats its connections. */
export interface PoolOptions {
  readonly maxConnections: number;
  /** Requests that may wait for a connection; more fail at once. */
  readonly maxWaiting: number;
  readonly connectTimeoutMs: number;
  /** Without a request; below what servers commonly allow, so that we close first. */
  readonly idleTimeoutMs: number;
  /** A request that cannot be sent again never meets a connection that was idle for longer. */
  readonly freshMs: number;
}

/** What a pool is made for and with. */
export interface PoolPlace<Connection extends ClientConnection = ClientConnection> {
  readonly target: ConnectTarget;
  readonly clock: Clock;
  readonly reads: SharedReads;
  /** Makes an HTTP connection of a connected socket. */
  readonly wrap: (socket: Socket, handler: ClientConnectionHandler) => Connection;
  /** The upstream broke a rule: counted as `isthmus_rejected_total{reason}`. */
  readonly rejected: (reason: RejectionReason) => void;
}
