import type { UserError } from '../model/user-error.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Availability } from './availability.ts';
import { DeadlineError, withDeadline } from './deadline.ts';
import { Signal } from './signal.ts';

/** How often a store is asked, and how long its answer may take. */
export interface ProbeTiming {
  readonly everyMs: number;
  readonly answerMs: number;
}

export const PROBE_TIMING: ProbeTiming = { everyMs: 1000, answerMs: 2000 };

/** How long a driver may take to connect before that is a failure. */
const CONNECT_MS = 6000;
const CONNECT_LOOK_MS = 50;

/** There is no connection and, so far, no reason why there is none. */
export class ConnectingError extends Error {
  override readonly name = 'ConnectingError';
}

export interface ProbeOptions {
  readonly clock: Clock;
  readonly timing: ProbeTiming;
  readonly availability: Availability;
  readonly ping: () => Promise<unknown>;
  readonly describe: (failure: unknown) => UserError;
  /** An answer did not come in time: the connection may be dead without a sign. */
  readonly onSilence: () => void;
}

/** Asks a store all the time whether it answers: a network that drops packets shows in nothing else. */
export class Probe {
  readonly #options: ProbeOptions;
  readonly #signal: Signal;
  readonly #running: Promise<void>;
  #answered = false;
  #closed = false;

  constructor(options: ProbeOptions) {
    this.#options = options;
    this.#signal = new Signal(options.clock);
    this.#running = this.#run();
  }

  /** Something happened to the connection. */
  now(): void {
    this.#signal.wake();
  }

  /** Waits until the store answers, while there is hope. @throws UserError that says why it does not. */
  async answer(): Promise<void> {
    const { clock, timing, availability, ping, describe } = this.#options;
    const startMs = clock.monotonic();
    for (;;) {
      try {
        await withDeadline(clock, timing.answerMs, ping());
        availability.answered();
        return;
      } catch (failure) {
        const hopeful = failure instanceof ConnectingError && clock.monotonic() - startMs < CONNECT_MS;
        if (!hopeful || this.#closed) throw describe(failure);
        await new Promise<void>((resolve) => void clock.after(CONNECT_LOOK_MS, resolve));
      }
    }
  }

  async close(disconnect: () => void): Promise<void> {
    this.#closed = true;
    this.#signal.wake();
    disconnect();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, timing, availability, ping, describe, onSilence } = this.#options;
    while (!this.#closed) {
      try {
        await withDeadline(clock, timing.answerMs, ping());
        availability.answered();
        this.#answered = true;
      } catch (failure) {
        if (failure instanceof DeadlineError) onSilence();
        const connecting = failure instanceof ConnectingError && !this.#answered;
        if (!this.#closed && !connecting) availability.lost(describe(failure));
      }
      if (!this.#closed) await this.#signal.sleep(timing.everyMs);
    }
  }
}
