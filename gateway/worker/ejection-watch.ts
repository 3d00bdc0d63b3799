import { type Clock, every } from '../../federation/runtime/clock.ts';
import type { RouteTable } from '../routing/route-table.ts';
import type { SweptPool, TroubledPools } from '../routing/troubled-pools.ts';
import type { RouteMeters } from '../telemetry/route-meters.ts';
import type { WorkerMessage } from './messages.ts';

const LOOK_MS = 1_000;

/** Sweeps those endpoints of a worker that fail now and then, and tells the parent which of them are ejected. */
export class EjectionWatch {
  readonly #clock: Clock;
  readonly #table: () => RouteTable<RouteMeters> | undefined;
  readonly #troubled: TroubledPools;
  readonly #send: (message: WorkerMessage) => void;
  readonly #cancel: () => void;
  #told = '';

  constructor(
    clock: Clock,
    table: () => RouteTable<RouteMeters> | undefined,
    troubled: TroubledPools,
    send: (message: WorkerMessage) => void,
  ) {
    this.#clock = clock;
    this.#table = table;
    this.#troubled = troubled;
    this.#send = send;
    this.#cancel = every(clock, LOOK_MS, () => this.#look());
  }

  close(): void {
    this.#cancel();
  }

  #look(): void {
    const services = this.#table()?.services;
    const isRouted = (pool: SweptPool): boolean =>
      services?.get(pool.service)?.routes.some(({ state }) => state.pool === pool) === true;
    const endpoints: { service: string; address: string }[] = [];
    for (const pool of this.#troubled.sweep(this.#clock.now(), isRouted)) {
      for (const address of pool.ejected()) endpoints.push({ service: pool.service, address });
    }
    const told = JSON.stringify(endpoints);
    if (told === this.#told || (this.#told === '' && endpoints.length === 0)) return;
    this.#told = told;
    this.#send({ kind: 'ejections', endpoints });
  }
}
