import type { FailureCode } from '../../federation/model/errors.ts';
import { MARK } from '../../federation/model/marks.ts';
import { forward } from '../pipeline/forward.ts';
import type { LocalDestination, TrunkDestination } from '../routing/destination.ts';
import { mayBeDoneTwice } from '../routing/retry-plan.ts';
import type { Route } from '../routing/route.ts';
import type { RouteMeters } from '../telemetry/route-meters.ts';
import {
  type AttemptFailure,
  type AttemptState,
  type Decision,
  decideAfterFailure,
  decideWithoutElsewhere,
  isIdempotent,
} from './decision.ts';
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
    this.settled('failure');
    const state = this.#state(failure, replayable, deadlineMs);
    return this.#told(decideAfterFailure(this.#environment.clock.monotonic(), state));
  }

  /** After a redispatch that found nowhere to go. */
  decideWithoutElsewhere(failure: AttemptFailure, replayable: boolean, deadlineMs: number): Decision {
    const state = this.#state(failure, replayable, deadlineMs);
    return this.#told(decideWithoutElsewhere(this.#environment.clock.monotonic(), state));
  }

  #told(decision: Decision): Decision {
    if (decision.kind !== 'fail' || decision.spent === undefined) return decision;
    const { meters, sourceCluster, destinationCluster } = this.#record;
    this.#record.marks |= decision.spent === 'budget' ? MARK.retryOverflow : MARK.retryLimitExceeded;
    if (decision.spent === 'budget' && meters !== undefined) {
      this.#environment.recorder.retried(meters, sourceCluster, destinationCluster, 'budget-exhausted');
    }
    return decision;
  }

  #state(failure: AttemptFailure, replayable: boolean, deadlineMs: number): AttemptState {
    const environment = this.#environment;
    const record = this.#record;
    const { retryPlan } = record;
    const twice = retryPlan !== undefined && mayBeDoneTwice(retryPlan, record.path);
    return {
      failure,
      replayable,
      idempotent: twice || isIdempotent(record.method),
      redispatches: record.redispatches,
      lostConnections: this.#lostConnections,
      retries: record.retries,
      retryPlan,
      activeRequests: environment.activeRequests,
      activeRetries: environment.activeRetries,
      deadlineMs,
      random: environment.random,
    };
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
  }

  /** Chooses again, from what the route is by now: first among what was not tried, then also among what broke. */
  choose(): FailureCode | undefined {
    const record = this.#record;
    const route = currentRoute(record, this.#environment);
    if (route === undefined) return record.choice.localOnly ? 'noLocalEndpoint' : 'noHealthyUpstream';
    record.route = route;
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
      // It has waited for this: also what could not be connected to may take it now.
      this.#tried.forgiveAfterBackoff();
      then();
    });
  }

  /** The attempt under way is over: if it was a retry, its place in the budget is free. */
  settled(result: 'success' | 'failure' | 'abandoned'): void {
    this.#cancelBackoff?.();
    this.#cancelBackoff = undefined;
    if (!this.#retrying) return;
    this.#retrying = false;
    const { recorder } = this.#environment;
    this.#environment.activeRetries--;
    const { meters, sourceCluster, destinationCluster } = this.#record;
    if (meters !== undefined) recorder.retried(meters, sourceCluster, destinationCluster, result);
  }
}

/** Undefined where the service or its port is gone, or is opaque now and was not. */
function currentRoute(
  { route }: ExchangeRecord,
  { table }: ExchangeEnvironment,
): Route<RouteMeters> | undefined {
  const now = route && table.byTarget(route.target);
  return now !== undefined && isOpaque(now) === isOpaque(route) ? now : undefined;
}

function isOpaque(route: Route<RouteMeters> | undefined): boolean {
  return route?.port.protocol === 'tcp';
}
