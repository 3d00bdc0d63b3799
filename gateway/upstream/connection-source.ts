import type { ClientConnection } from '../http/stream.ts';

/** Why there is no connection; in both cases the request was certainly not processed. */
export type AcquireFailure =
  | { readonly kind: 'connect'; readonly reason: string }
  /** As many requests as may wait for one wait already. */
  | { readonly kind: 'overflow' };

export const OVERFLOW: AcquireFailure = { kind: 'overflow' };

export const ENDPOINT_GONE: AcquireFailure = { kind: 'connect', reason: 'the endpoint is gone' };

/** A request that waits for a connection. */
export interface ConnectionWaiter {
  /** `connection` takes a request now: it must be opened before this returns. */
  connectionReady(connection: ClientConnection): void;
  connectionFailed(failure: AcquireFailure): void;
}

/** Where requests for one destination get their connection: a pool of a local endpoint, or a trunk. */
export interface ConnectionSource {
  /**
   * A connection that takes a request at once, or undefined: then the waiter is called exactly once, perhaps
   * before this returns, unless it is withdrawn first. `once` is true for requests that must not meet a stale
   * connection, since they cannot be sent again.
   */
  acquire(waiter: ConnectionWaiter, once: boolean): ClientConnection | undefined;
  /** The waiter is not called any more. */
  withdraw(waiter: ConnectionWaiter): void;
}
