import type { FailureCode } from '../../federation/model/errors.ts';
import { type BackoffPolicy, backoffMs } from '../../federation/runtime/backoff.ts';
import type { UpstreamFailure } from '../http/stream.ts';

/** How one attempt to get a response ended without one that the client may see. */
export type AttemptFailure =
  | UpstreamFailure
  /** The destination gateway has no endpoint: certainly not processed. */
  | { readonly kind: 'no-local-endpoint' }
  /** As many requests as may wait for a connection wait already: certainly not processed. */
  | { readonly kind: 'overflow' }
  /** The upstream answered with a status that the retry policy names. */
  | { readonly kind: 'status'; readonly status: number };

/** What a service asks for beyond redispatch. */
export interface RetryPolicy {
  readonly maxRetries: number;
  /** Statuses that are tried again, for idempotent requests only. */
  readonly statuses: readonly number[];
  /** True: also when the upstream resets an idempotent request. */
  readonly resets: boolean;
  readonly backoff: BackoffPolicy;
  /** Share of the active requests (0 to 1) that may be retries at one time. */
  readonly budget: number;
}

/** Nothing is tried again that may have been processed, unless a policy asks. */
export const NO_RETRIES: RetryPolicy = {
  maxRetries: 0,
  statuses: [],
  resets: false,
  backoff: { baseMs: 25, maxMs: 1_000 },
  budget: 0.2,
};

/** Enough for a request to meet every cluster of a tier that dies at once, and still bounded. */
export const MAX_REDISPATCHES = 6;

/** A request whose connection died may be what killed the pod: it must not get to kill them all. */
export const MAX_LOST_CONNECTIONS = 2;

/** Retries that are always allowed, so that a quiet worker, of whose few requests 20 % is none, has any. */
const LEAST_RETRY_BUDGET = 3;

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
  readonly retryPolicy: RetryPolicy;
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
  | { readonly kind: 'fail'; readonly code: FailureCode };

const REDISPATCH: Decision = { kind: 'redispatch' };

/**
 * What follows a failed attempt at `nowMs` (monotonic), before any byte of a response went to the client. Redispatch is for requests
 * that were certainly not processed, and for idempotent ones whose connection died; a retry spends a budget and
 * happens only where a policy asks.
 */
export function decideAfterFailure(nowMs: number, state: AttemptState): Decision {
  const failed: Decision = { kind: 'fail', code: failureCode(state.failure) };
  if (!state.replayable) return failed;
  if (mayRedispatch(state)) return state.redispatches < MAX_REDISPATCHES ? REDISPATCH : failed;
  if (!mayRetry(state)) return failed;
  const delayMs = backoffMs(state.retryPolicy.backoff, state.retries, state.random);
  return nowMs + delayMs < state.deadlineMs ? { kind: 'retry', delayMs } : failed;
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

function mayRetry(state: AttemptState): boolean {
  const policy = state.retryPolicy;
  if (!state.idempotent || state.retries >= policy.maxRetries) return false;
  const budget = Math.max(LEAST_RETRY_BUDGET, policy.budget * state.activeRequests);
  if (state.activeRetries + 1 > budget) return false;
  const { failure } = state;
  if (failure.kind === 'status') return policy.statuses.includes(failure.status);
  return failure.kind === 'reset' && policy.resets;
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
    case 'status':
      return 'upstreamReset';
  }
}
