import type { Clock } from '../../federation/runtime/clock.ts';
import type { TrunkReport } from '../trunk/trunk-set.ts';
import type { WorkerMessage } from './messages.ts';

const LOOK_MS = 5_000;

/** Tells the parent the round-trip times of a worker's trunks now and then; losses and returns it is told at once. */
export class TrunkWatch {
  readonly #clock: Clock;
  readonly #reports: () => readonly TrunkReport[];
  readonly #send: (message: WorkerMessage) => void;
  #cancel: () => void;

  constructor(clock: Clock, reports: () => readonly TrunkReport[], send: (message: WorkerMessage) => void) {
    this.#clock = clock;
    this.#reports = reports;
    this.#send = send;
    this.#cancel = this.#arm();
  }

  close(): void {
    this.#cancel();
  }

  #arm(): () => void {
    return this.#clock.after(LOOK_MS, () => {
      for (const { cluster, state, sinceMs, rttMs } of this.#reports()) {
        if (state !== 'up' || sinceMs === undefined || rttMs === undefined) continue;
        this.#send({ kind: 'trunk', cluster, up: true, atMs: Math.round(sinceMs), rttSeconds: rttMs / 1000 });
      }
      this.#cancel = this.#arm();
    });
  }
}
