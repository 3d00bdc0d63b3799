import type { Clock } from '../../federation/runtime/clock.ts';
import type { OperationLog } from './operation-log.ts';

const QUIET_MS = 10_000;

/**
 * Tells of one kind of trouble at most every 10 s: whoever can cause it at will must not fill the disk with lines, nor
 * hold the process up with writing them. A line has as `suppressed` how many before it were left out.
 */
export class SparseLog {
  readonly #clock: Clock;
  readonly #log: Pick<OperationLog, 'error'>;
  #quietUntilMs = Number.NEGATIVE_INFINITY;
  #suppressed = 0;

  constructor(clock: Clock, log: Pick<OperationLog, 'error'>) {
    this.#clock = clock;
    this.#log = log;
  }

  error(fields: Readonly<Record<string, unknown>>, message: string): void {
    const nowMs = this.#clock.monotonic();
    if (nowMs < this.#quietUntilMs) {
      this.#suppressed++;
      return;
    }
    this.#quietUntilMs = nowMs + QUIET_MS;
    this.#log.error({ ...fields, suppressed: this.#suppressed }, message);
    this.#suppressed = 0;
  }
}
