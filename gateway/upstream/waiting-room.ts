import type { ClientConnection } from '../http/stream.ts';
import { type AcquireFailure, type ConnectionWaiter, OVERFLOW } from './connection-source.ts';

/** Requests that wait for a connection of one source: first come, first served, and bounded. */
export class WaitingRoom {
  /** For those who come; who waits already goes on to. */
  capacity: number;
  readonly #waiters = new Set<ConnectionWaiter>();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** A waiter that finds no room is told at once. @returns whether it waits */
  add(waiter: ConnectionWaiter): boolean {
    if (this.#waiters.size < this.capacity) {
      this.#waiters.add(waiter);
      return true;
    }
    waiter.connectionFailed(OVERFLOW);
    return false;
  }

  withdraw(waiter: ConnectionWaiter): void {
    this.#waiters.delete(waiter);
  }

  /** Gives `connection` to as many as it takes, and no more than `most`. @returns to how many */
  serve(connection: ClientConnection, most = Number.POSITIVE_INFINITY): number {
    let served = 0;
    for (const waiter of this.#waiters) {
      if (served >= most || !connection.available) break;
      this.#waiters.delete(waiter);
      served++;
      waiter.connectionReady(connection);
    }
    return served;
  }

  /** All that wait, who do so no longer. */
  empty(): readonly ConnectionWaiter[] {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    return waiters;
  }

  /** The first `most` of those that wait now; who comes while they are told has not failed. */
  fail(failure: AcquireFailure, most = this.#waiters.size): void {
    const waiters = [...this.#waiters].slice(0, most);
    for (const waiter of waiters) this.#waiters.delete(waiter);
    for (const waiter of waiters) waiter.connectionFailed(failure);
  }
}
