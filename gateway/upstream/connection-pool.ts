import type { Socket } from 'node:net';
import type { ConnectionPoolPolicy } from '../../federation/model/connection-pool.ts';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import type { ClientConnection, ClientConnectionHandler } from '../http/stream.ts';
import type { Connect } from './connect.ts';
import type { ConnectionSource, ConnectionWaiter } from './connection-source.ts';

/** How a pool treats its connections. All bounds are of one worker to one endpoint. */
export interface PoolOptions {
  readonly maxConnections: number;
  /** Requests that may wait for a connection; more fail at once. */
  readonly maxWaiting: number;
  /** Requests under way, those that wait included; more fail at once. */
  readonly maxRequests: number;
  /** After as many a connection is replaced. */
  readonly maxRequestsPerConnection: number;
  readonly connectTimeoutMs: number;
  /** Without a request; below what servers commonly allow, so that we close first. */
  readonly idleTimeoutMs: number;
  /** A request that cannot be sent again never meets a connection that was idle for longer. */
  readonly freshMs: number;
}

/** The defaults of a protocol as far as a policy says nothing else. */
export function withPolicy(defaults: PoolOptions, policy: ConnectionPoolPolicy | undefined): PoolOptions {
  if (policy === undefined) return defaults;
  return {
    maxConnections: policy.maxConnections ?? defaults.maxConnections,
    maxWaiting: policy.maxPendingRequests ?? defaults.maxWaiting,
    maxRequests: policy.maxRequests ?? defaults.maxRequests,
    maxRequestsPerConnection: policy.maxRequestsPerConnection ?? defaults.maxRequestsPerConnection,
    connectTimeoutMs: policy.connectTimeoutMs ?? defaults.connectTimeoutMs,
    idleTimeoutMs: policy.idleTimeoutMs ?? defaults.idleTimeoutMs,
    freshMs: defaults.freshMs,
  };
}

/** What a pool is made for and with. */
export interface PoolPlace<Connection extends ClientConnection = ClientConnection> {
  readonly connect: Connect;
  readonly clock: Clock;
  /** Makes an HTTP connection of a connected socket. */
  readonly wrap: (socket: Socket, handler: ClientConnectionHandler) => Connection;
  /** The upstream broke a rule: counted as `isthmus_rejected_total{reason}`. */
  readonly rejected: (reason: RejectionReason) => void;
}

/** The connections to one endpoint. */
export interface EndpointConnections extends ConnectionSource {
  /** The source for requests that ask for another protocol (`upgrade`), such as a WebSocket. */
  readonly forUpgrades: ConnectionSource;
  /** Another policy holds from now on; no request that is under way or waits ends by it. */
  adapt(policy: ConnectionPoolPolicy | undefined): void;
  /** @param nowMs monotonic */
  sweep(nowMs: number): void;
  /** The endpoint is gone, or is spoken to otherwise now: connections close as soon as their requests have ended. */
  retire(): void;
}

/** A pool of one version of HTTP. */
export interface HttpPool extends EndpointConnections {
  /** Takes a connected socket that it has not opened itself. */
  adopt(socket: Socket): void;
  /** Retires, but for the requests that wait, which are given back. */
  handOver(): readonly ConnectionWaiter[];
}
