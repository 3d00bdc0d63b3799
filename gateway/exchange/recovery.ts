import type { FailureCode } from '../../federation/model/errors.ts';
import { forward } from '../pipeline/forward.ts';
import type { LocalDestination, TrunkDestination } from '../routing/destination.ts';
import { type AttemptFailure, type Decision, decideAfterFailure, isIdempotent } from './decision.ts';
import type { ExchangeEnvironment } from './environment.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import { TriedDestinations } from './tried-destinations.ts';

/** What a request needs once an attempt has failed. Most requests never have one. */
export class Recovery {
  readonly #record: ExchangeRecord;
  readonly #environment: ExchangeEnvironment;
  readonly #tried = new TriedDestinations();
  #lostConnections = 0;
  /** It is counted as an active retry: from its backoff on until the retry is answered or has failed. */
  #retrying = false;
  #cancelBackoff: (() => void) | undefined = undefined;

  constructor(record: ExchangeRecord, environment: ExchangeEnvironment) {
    this.#record = record;
    this.#environment = environment;
  }

  decide(failure: AttemptFailure, replayable: boolean, deadlineMs: number): Decision {
    const environment = this.#environment;
    const record = this.#record;
    this.settled();
    return decideAfterFailure(environment.clock.monotonic(), {
      failure,
      replayable,
      idempotent: isIdempotent(record.method),
      redispatches: record.redispatches,
      lostConnections: this.#lostConnections,
      retries: record.retries,
      retryPolicy: environment.retryPolicy,
      activeRequests: environment.activeRequests,
      activeRetries: environment.activeRetries,
      deadlineMs,
      random: environment.random,
    });
  }

  /** Counts the second try, and keeps it from going where the first one went. */
  begin(
    left: LocalDestination | TrunkDestination | undefined,
    failure: AttemptFailure,
    kind: 'redispatch' | 'retry',
  ): void {
    const record = this.#record;
    const { recorder } = this.#environment;
    if (left !== undefined) this.#tried.add(left, failure);
    record.choice = { ...record.choice, tried: this.#tried };
    if (kind === 'redispatch') {
      record.redispatches++;
      if (failure.kind === 'connection-lost') this.#lostConnections++;
    } else record.retries++;
    const { meters, sourceCluster, destinationCluster } = record;
    if (meters === undefined) return;
    if (kind === 'redispatch') recorder.redispatched(meters, sourceCluster, destinationCluster);
    else recorder.retried(meters, sourceCluster, destinationCluster);
  }

  /** Chooses again: first among what was not tried, then also among what broke. */
  choose(): FailureCode | undefined {
    const failure = forward(this.#record, this.#environment);
    if (failure === undefined || !this.#tried.forgiveBroken()) return failure;
    return forward(this.#record, this.#environment);
  }

  backOff(delayMs: number, then: () => void): void {
    const environment = this.#environment;
    environment.activeRetries++;
    this.#retrying = true;
    this.#cancelBackoff = environment.clock.after(delayMs, () => {
      this.#cancelBackoff = undefined;
      then();
    });
  }

  /** The attempt under way is over, whichever way: if it was a retry, its place in the budget is free. */
  settled(): void {
    this.#cancelBackoff?.();
    this.#cancelBackoff = undefined;
    if (this.#retrying) this.#environment.activeRetries--;
    this.#retrying = false;
  }
}
