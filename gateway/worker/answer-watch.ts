import type { Clock } from '../../federation/runtime/clock.ts';
import type { WorkerChannel } from './worker-channel.ts';

/** A worker that has not compiled a snapshot after this long hangs: it is killed, and another takes its place. */
const HUNG_MS = 30_000;

interface Debt {
  /** Answers that are still to come. */
  owed: number;
  cancel: () => void;
}

/** Ends workers that owe an answer for too long. To each snapshot that it is sent a worker answers once. */
export class AnswerWatch {
  readonly #clock: Clock;
  /** By process id. */
  readonly #debts = new Map<number, Debt>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  asked(channel: Pick<WorkerChannel, 'pid' | 'kill'>): void {
    const debt = this.#debts.get(channel.pid);
    if (debt === undefined) this.#debts.set(channel.pid, { owed: 1, cancel: this.#begin(channel) });
    else debt.owed++;
  }

  answered(channel: Pick<WorkerChannel, 'pid' | 'kill'>): void {
    const debt = this.#debts.get(channel.pid);
    if (debt === undefined) return;
    debt.cancel();
    debt.owed--;
    if (debt.owed === 0) this.#debts.delete(channel.pid);
    else debt.cancel = this.#begin(channel);
  }

  gone(pid: number): void {
    this.#debts.get(pid)?.cancel();
    this.#debts.delete(pid);
  }

  #begin(channel: Pick<WorkerChannel, 'kill'>): () => void {
    return this.#clock.after(HUNG_MS, () => channel.kill());
  }
}
