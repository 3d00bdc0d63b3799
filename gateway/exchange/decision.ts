import type { FailureCode } from '../../federation/model/errors.ts';
import { backoffMs } from '../../federation/runtime/backoff.ts';
import type { UpstreamFailure } from '../http/stream.ts';
import type { RetryPlan } from '../routing/retry-plan.ts';

/** How one attempt to get a response ended without one that the client may see. */
export type AttemptFailure =
  | UpstreamFailure
  /** The destination gateway has no endpoint: certainly not processed. */
  | { readonly kind: 'no-local-endpoint' }
  /** As many requests as may wait for a connection wait already: certainly not processed. */
  | { readonly kind: 'overflow' }
  /** The attempt's own time was over before its response began; the request may have been processed. */
  | { readonly kind: 'timeout' }
  /** The upstream answered with a status, of HTTP or gRPC, that the retry policy names. */
  | { readonly kind: 'status'; readonly status: number };

/** Enough for a request to meet every cluster of a tier that dies at once, and still bounded. */
export const MAX_REDISPATCHES = 6;

/** A request whose connection died may be what killed the pod: it must not get to kill them all. */
export const MAX_LOST_CONNECTIONS = 2;

/** All that the decision may depend on. */
export interface AttemptState {
  readonly failure: AttemptFailure;
  /** The request can be sent again from its start: its body was kept, whole so far. */
  readonly replayable: boolean;
  readonly idempotent: boolean;
  readonly redispatches: number;
  /** Those of the redispatches that followed a lost connection. */
  readonly lostConnections: number;
  readonly retries: number;
  /** undefined: no policy asks for retries. */
  readonly retryPlan: RetryPlan | undefined;
  /** Of this worker, this one included. */
  readonly activeRequests: number;
  /** Requests of this worker that are retried now, this one not included. */
  readonly activeRetries: number;
  /** Monotonic ms, as `nowMs`: when the client's patience ends; `Infinity` without a deadline. */
  readonly deadlineMs: number;
  readonly random: () => number;
}

export type Decision =
  /** Send it elsewhere at once: no budget, for nothing was done twice. */
  | { readonly kind: 'redispatch' }
  | { readonly kind: 'retry'; readonly delayMs: number }
  | {
      readonly kind: 'fail';
      readonly code: FailureCode;
      /** It would have been retried, had there been any left of these. */
      readonly spent: 'attempts' | 'budget' | undefined;
    };

const REDISPATCH: Decision = { kind: 'redispatch' };

/**
 * What follows a failed attempt at `nowMs` (monotonic), before any byte of a response went to the client. Redispatch is for requests
 * that were certainly not processed, and for idempotent ones whose connection died; a retry spends a budget and
 * happens only where a policy asks.
 */
export function decideAfterFailure(nowMs: number, state: AttemptState): Decision {
  if (!state.replayable) return failed(state);
  if (!mayRedispatch(state)) return retryOrFail(nowMs, state);
  return state.redispatches < MAX_REDISPATCHES ? REDISPATCH : retryOrFail(nowMs, state);
}

/** As `decideAfterFailure`, when there is nowhere else that the request could be redispatched to. */
export function decideWithoutElsewhere(nowMs: number, state: AttemptState): Decision {
  return state.replayable ? retryOrFail(nowMs, state) : failed(state);
}

function retryOrFail(nowMs: number, state: AttemptState): Decision {
  const { retryPlan } = state;
  if (retryPlan === undefined || !wantsRetry(state, retryPlan)) return failed(state);
  if (state.retries >= retryPlan.maxRetries) return failed(state, 'attempts');
  const budget = Math.max(retryPlan.minConcurrency, retryPlan.budget * state.activeRequests);
  if (state.activeRetries + 1 > budget) return failed(state, 'budget');
  const delayMs = backoffMs(retryPlan.backoff, state.retries, state.random);
  return nowMs + delayMs < state.deadlineMs ? { kind: 'retry', delayMs } : failed(state);
}

function failed({ failure }: AttemptState, spent?: 'attempts' | 'budget'): Decision {
  return { kind: 'fail', code: failureCode(failure), spent };
}

/**
 * RFC 9110 section 9.2.2: doing it twice is the same as doing it once. gRPC is always POST. CONNECT never is.
 */
export function isIdempotent(method: string): boolean {
  switch (method) {
    case 'GET':
    case 'HEAD':
    case 'OPTIONS':
    case 'TRACE':
    case 'PUT':
    case 'DELETE':
      return true;
    default:
      return false;
  }
}

/** No part of the request can have had an effect. */
export function wasNotProcessed(failure: AttemptFailure): boolean {
  switch (failure.kind) {
    case 'refused':
    case 'connect':
    case 'overflow':
    case 'no-local-endpoint':
      return true;
    default:
      return false;
  }
}

function mayRedispatch(state: AttemptState): boolean {
  if (wasNotProcessed(state.failure)) return true;
  if (state.failure.kind !== 'connection-lost' || !state.idempotent) return false;
  return state.lostConnections < MAX_LOST_CONNECTIONS;
}

/** Whether the policy asks for it, and nothing is done twice that must not be. */
function wantsRetry({ failure, idempotent }: AttemptState, plan: RetryPlan): boolean {
  switch (failure.kind) {
    case 'connect':
    case 'refused':
    case 'no-local-endpoint':
      return plan.connects;
    case 'reset':
    case 'timeout':
    case 'connection-lost':
      return plan.resets && idempotent;
    case 'status':
      return idempotent;
    case 'overflow':
    case 'protocol':
      return false;
  }
}

/** What the client is told when nothing more is tried. */
export function failureCode(failure: AttemptFailure): FailureCode {
  switch (failure.kind) {
    case 'refused':
      return 'upstreamRefused';
    case 'connect':
      return 'upstreamConnectFailure';
    case 'overflow':
      return 'overflow';
    case 'no-local-endpoint':
      return 'noHealthyUpstream';
    case 'connection-lost':
    case 'reset':
      return 'upstreamReset';
    case 'protocol':
      return 'upstreamProtocol';
    case 'timeout':
      return 'upstreamTimeout';
    case 'status':
      return 'upstreamReset';
  }
}
