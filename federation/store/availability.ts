import type { UserError } from '../model/user-error.ts';
import { Watchable } from '../runtime/watchable.ts';

/** Whether a store answers, and what it refuses: what a driver shows of itself. */
export class Availability {
  readonly state = new Watchable<'up' | 'down'>('down');
  readonly problem = new Watchable<UserError | undefined>(undefined);
  readonly #refusals = new Map<string, UserError>();
  #outage: UserError | undefined;

  answered(): void {
    this.#outage = undefined;
    this.#show();
    this.state.set('up');
  }

  lost(outage: UserError): void {
    this.#outage = outage;
    this.#show();
    this.state.set('down');
  }

  /** While the store is known not to answer, nobody need wait to learn it. @throws UserError */
  assertUp(): void {
    if (this.#outage !== undefined) throw this.#outage;
  }

  /** The store answers and does not do what `operation` asks. */
  refused(operation: string, refusal: UserError): void {
    this.#refusals.set(operation, refusal);
    this.#show();
  }

  succeeded(operation: string): void {
    if (this.#refusals.delete(operation)) this.#show();
  }

  #show(): void {
    const [refusal] = this.#refusals.values();
    const shown = this.#outage ?? refusal;
    if (shown?.message !== this.problem.value?.message) this.problem.set(shown);
  }
}
