import { type BackoffPolicy, backoffMs } from '../../federation/runtime/backoff.ts';

/** Where a reflector is; `attempt` counts what went wrong since something last went well. */
export type ReflectorState =
  | { readonly kind: 'listing'; readonly attempt: number }
  | { readonly kind: 'watching'; readonly resourceVersion: string; readonly attempt: number }
  | {
      readonly kind: 'pausing';
      readonly untilMs: number;
      /** What comes then: a watch from here, or (undefined) a listing. */
      readonly resourceVersion: string | undefined;
      readonly attempt: number;
    };

/** Why a listing or a watch failed, as far as it matters for what comes next. */
export type FailureKind =
  /** 410: what we would go on from is no longer kept. */
  | 'gone'
  /** A watch that said nothing, not even a bookmark: what it saw is not to be trusted. */
  | 'silent'
  /** 404: the kind is not there (its CRD). */
  | 'missing'
  /** 401, 403: until somebody changes a role. */
  | 'refused'
  /** No answer, an error of the server, an answer that makes no sense. */
  | 'other';

export type ReflectorEvent =
  /** A complete listing, of this resourceVersion. */
  | { readonly kind: 'listed'; readonly resourceVersion: string }
  /** A change, or a bookmark. */
  | { readonly kind: 'progressed'; readonly resourceVersion: string }
  /** By the API server, without an error. */
  | { readonly kind: 'ended' }
  | {
      readonly kind: 'failed';
      readonly failure: FailureKind;
      readonly retryAfterMs: number | undefined;
    }
  | { readonly kind: 'due' };

const BACKOFF: BackoffPolicy = { baseMs: 500, maxMs: 30_000 };
/**
 * What mostly a person mends: plus up to half as much. The first looks come soon, for an API server that starts has not
 * read all of its roles and kinds, and says the same.
 */
const SLOW_RETRY: BackoffPolicy = { baseMs: 1000, maxMs: 30_000 };

/**
 * What comes next. What is neither refused nor gone goes on from where it was: nothing is listed anew because a
 * connection broke.
 * @param random gives 0 ≤ x < 1
 */
export function advance(
  state: ReflectorState,
  event: ReflectorEvent,
  nowMs: number,
  random: () => number,
): ReflectorState {
  switch (event.kind) {
    case 'listed':
    case 'progressed':
      return { kind: 'watching', resourceVersion: event.resourceVersion, attempt: 0 };
    case 'due':
      return begin(state);
    case 'ended':
      return ended(state, nowMs, random);
    case 'failed':
      return failed(state, event, nowMs, random);
  }
}

function begin(state: ReflectorState): ReflectorState {
  if (state.kind !== 'pausing') return state;
  const { resourceVersion, attempt } = state;
  if (resourceVersion === undefined) return { kind: 'listing', attempt };
  return { kind: 'watching', resourceVersion, attempt };
}

/** A server that ends each watch at once must not be asked without a pause. */
function ended(state: ReflectorState, nowMs: number, random: () => number): ReflectorState {
  if (state.kind !== 'watching') return state;
  const { resourceVersion, attempt } = state;
  if (attempt === 0) return { kind: 'watching', resourceVersion, attempt: 1 };
  return pause(nowMs, backoffMs(BACKOFF, attempt, random), resourceVersion, attempt);
}

function failed(
  state: ReflectorState,
  { failure, retryAfterMs = 0 }: Extract<ReflectorEvent, { kind: 'failed' }>,
  nowMs: number,
  random: () => number,
): ReflectorState {
  const { attempt } = state;
  if (failure === 'gone' || failure === 'silent') {
    const fresh = state.kind === 'watching' && attempt === 0;
    if (fresh) return { kind: 'listing', attempt: 1 };
    return pause(nowMs, backoffMs(BACKOFF, attempt, random), undefined, attempt);
  }
  if (failure === 'missing' || failure === 'refused') {
    const boundMs = backoffMs(SLOW_RETRY, attempt, () => 1);
    return pause(nowMs, boundMs * (1 + random() / 2), undefined, attempt);
  }
  const from = state.kind === 'watching' ? state.resourceVersion : undefined;
  return pause(nowMs, Math.max(retryAfterMs, backoffMs(BACKOFF, attempt, random)), from, attempt);
}

function pause(
  nowMs: number,
  delayMs: number,
  resourceVersion: string | undefined,
  attempt: number,
): ReflectorState {
  return { kind: 'pausing', untilMs: nowMs + Math.floor(delayMs), resourceVersion, attempt: attempt + 1 };
}
