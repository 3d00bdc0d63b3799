import { type Clock, every } from '../../federation/runtime/clock.ts';
import type { TrunkReport } from '../trunk/trunk-set.ts';
import type { WorkerMessage } from './messages.ts';

const LOOK_MS = 5_000;

/** Tells the parent the round-trip times of a worker's trunks now and then; losses and returns it is told at once. */
export class TrunkWatch {
  readonly #reports: () => readonly TrunkReport[];
  readonly #send: (message: WorkerMessage) => void;
  readonly #cancel: () => void;

  constructor(clock: Clock, reports: () => readonly TrunkReport[], send: (message: WorkerMessage) => void) {
    this.#reports = reports;
    this.#send = send;
    this.#cancel = every(clock, LOOK_MS, () => this.#tell());
  }

  close(): void {
    this.#cancel();
  }

  #tell(): void {
    for (const { cluster, state, sinceMs, rttMs } of this.#reports()) {
      if (state !== 'up' || sinceMs === undefined || rttMs === undefined) continue;
      this.#send({ kind: 'trunk', cluster, up: true, atMs: Math.round(sinceMs), rttSeconds: rttMs / 1000 });
    }
  }
}
