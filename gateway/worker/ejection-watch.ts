import { type Clock, every } from '../../federation/runtime/clock.ts';
import type { RouteTable } from '../routing/route-table.ts';
import type { RouteMeters } from '../telemetry/route-meters.ts';
import type { WorkerMessage } from './messages.ts';

const LOOK_MS = 1_000;

/** Sweeps the endpoints of a worker now and then, and tells the parent which of them are ejected. */
export class EjectionWatch {
  readonly #clock: Clock;
  readonly #table: () => RouteTable<RouteMeters> | undefined;
  readonly #send: (message: WorkerMessage) => void;
  readonly #cancel: () => void;
  #told = '';

  constructor(
    clock: Clock,
    table: () => RouteTable<RouteMeters> | undefined,
    send: (message: WorkerMessage) => void,
  ) {
    this.#clock = clock;
    this.#table = table;
    this.#send = send;
    this.#cancel = every(clock, LOOK_MS, () => this.#look());
  }

  close(): void {
    this.#cancel();
  }

  #look(): void {
    const nowMs = this.#clock.now();
    const endpoints: { service: string; address: string }[] = [];
    for (const { key, state, endpoints: known } of this.#table()?.routes() ?? []) {
      state.pool.sweep(nowMs);
      for (const { address, runtime } of known) {
        if (runtime.ejection.kind === 'ejected') endpoints.push({ service: key, address });
      }
    }
    const told = JSON.stringify(endpoints);
    if (told === this.#told || (this.#told === '' && endpoints.length === 0)) return;
    this.#told = told;
    this.#send({ kind: 'ejections', endpoints });
  }
}
