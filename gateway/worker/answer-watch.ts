import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import type { WorkerChannel } from './worker-channel.ts';

/** A worker that has not compiled a snapshot after this long hangs: it is killed, and another takes its place. */
const HUNG_MS = 30_000;
/** On a machine that has no CPU left, a first compilation takes longer: after each kill the next has twice the time, up to this. */
const MAX_HUNG_MS = 480_000;
/** A parent that stood still itself reads the answers that lie in the pipe only after its timers have run. */
const LAST_LOOK_MS = 1_000;

type WatchedChannel = Pick<WorkerChannel, 'pid' | 'kill'>;

interface Debt {
  /** What was sent and is not answered, the oldest first. */
  readonly owed: RoutingSnapshot[];
  cancel: () => void;
}

/** Ends workers that owe an answer for too long. To each snapshot that it is sent a worker answers once, in order. */
export class AnswerWatch {
  readonly #clock: Clock;
  /** By process id. */
  readonly #debts = new Map<number, Debt>();
  #patienceMs = HUNG_MS;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  asked(channel: WatchedChannel, snapshot: RoutingSnapshot): void {
    const known = this.#debts.get(channel.pid);
    if (known !== undefined) {
      known.owed.push(snapshot);
      return;
    }
    const debt: Debt = { owed: [snapshot], cancel: () => {} };
    this.#debts.set(channel.pid, debt);
    this.#begin(channel, debt);
  }

  /** Returns what the answer is about; undefined when none was owed. */
  answered(channel: WatchedChannel): RoutingSnapshot | undefined {
    const debt = this.#debts.get(channel.pid);
    if (debt === undefined) return undefined;
    this.#patienceMs = HUNG_MS;
    debt.cancel();
    const snapshot = debt.owed.shift();
    if (debt.owed.length === 0) this.#debts.delete(channel.pid);
    else this.#begin(channel, debt);
    return snapshot;
  }

  /** Returns what the worker ended over: the oldest that it has not answered. */
  gone(pid: number): RoutingSnapshot | undefined {
    const debt = this.#debts.get(pid);
    debt?.cancel();
    this.#debts.delete(pid);
    return debt?.owed[0];
  }

  #begin(channel: WatchedChannel, debt: Debt): void {
    const patienceMs = this.#patienceMs;
    debt.cancel = this.#clock.after(patienceMs, () => {
      debt.cancel = this.#clock.after(LAST_LOOK_MS, () => {
        // Several that hang at the same time double it once.
        this.#patienceMs = Math.max(this.#patienceMs, Math.min(2 * patienceMs, MAX_HUNG_MS));
        channel.kill();
      });
    });
  }
}
