import type { ClientConnection } from '../http/stream.ts';

/** Why there is no connection; in each case the request was certainly not processed. */
export type AcquireFailure =
  | { readonly kind: 'connect'; readonly reason: string }
  /** The source is none any more. It says nothing of the destination, which may be spoken to otherwise now. */
  | { readonly kind: 'refused' }
  /** As many requests as may wait for one wait already. */
  | { readonly kind: 'overflow' };

export const OVERFLOW: AcquireFailure = { kind: 'overflow' };

export const SOURCE_RETIRED: AcquireFailure = { kind: 'refused' };

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
