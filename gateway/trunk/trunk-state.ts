import { type BackoffPolicy, backoffMs } from '../../federation/runtime/backoff.ts';

/** Where the trunk to one peer cluster stands, as a whole: it has one to four connections when it is up. */
export type TrunkState =
  /** No connection, and none is wanted. */
  | { readonly kind: 'idle' }
  /** First connection; requests wait for it. */
  | { readonly kind: 'connecting' }
  /** At least one connection takes requests; `growing` while one more is being opened. */
  | { readonly kind: 'up'; readonly sinceMs: number; readonly growing: boolean }
  /** The last connection is gone; one immediate try, for which requests wait. */
  | { readonly kind: 'redialling' }
  /** The peer is lost. `attempt` counts failed tries since then. */
  | {
      readonly kind: 'down';
      readonly sinceMs: number;
      readonly attempt: number;
      readonly retryAtMs: number;
      readonly dialling: boolean;
    }
  /** The peer left, or this gateway ends: open streams finish, nothing begins. */
  | { readonly kind: 'draining' };

export type TrunkEvent =
  /** A request found no connection that takes it, or the trunk is to be kept warm. */
  | { readonly kind: 'wanted' }
  | { readonly kind: 'connected' }
  | { readonly kind: 'dial-failed' }
  /** A connection ended with an error. `left`: connections that still take requests. */
  | { readonly kind: 'connection-lost'; readonly left: number }
  /** A connection said nothing for the PING deadline. */
  | { readonly kind: 'silent'; readonly left: number }
  /** A connection takes nothing more although nothing is wrong: GOAWAY. */
  | { readonly kind: 'connection-draining'; readonly left: number }
  /** A connection was closed because nobody used it. */
  | { readonly kind: 'idle-closed'; readonly left: number }
  /** Another worker of this gateway reached the peer again. */
  | { readonly kind: 'peer-answered' }
  | { readonly kind: 'drain' };

export type TrunkEffect =
  | 'dial'
  /** Requests that wait fail with `connect`. */
  | 'fail-waiters'
  | 'report-lost'
  | 'report-answered';

export interface TrunkStep {
  readonly state: TrunkState;
  readonly effects: readonly TrunkEffect[];
}

/** Short, so that a peer that is back is seen quickly. */
export const REDIAL_BACKOFF: BackoffPolicy = { baseMs: 100, maxMs: 2_000 };

const IDLE: TrunkState = { kind: 'idle' };
const CONNECTING: TrunkState = { kind: 'connecting' };
const REDIALLING: TrunkState = { kind: 'redialling' };
const DRAINING: TrunkState = { kind: 'draining' };

/** What an event does to a trunk. Pure: the caller carries out the effects, in order. */
export function nextTrunkStep(
  nowMs: number,
  state: TrunkState,
  event: TrunkEvent,
  random: () => number,
): TrunkStep {
  if (event.kind === 'drain') return { state: DRAINING, effects: ['fail-waiters'] };
  switch (state.kind) {
    case 'idle':
      return event.kind === 'wanted' ? { state: CONNECTING, effects: ['dial'] } : stay(state);
    case 'connecting':
    case 'redialling':
      return afterFirstDial(nowMs, state, event, random);
    case 'up':
      return whileUp(nowMs, state, event, random);
    case 'down':
      return whileDown(nowMs, state, event, random);
    case 'draining':
      return event.kind === 'wanted' ? { state, effects: ['fail-waiters'] } : stay(state);
  }
}

function afterFirstDial(
  nowMs: number,
  state: TrunkState,
  event: TrunkEvent,
  random: () => number,
): TrunkStep {
  if (event.kind === 'connected') return up(nowMs);
  if (event.kind === 'dial-failed') return lost(nowMs, random);
  return stay(state);
}

function whileUp(
  nowMs: number,
  state: TrunkState & { kind: 'up' },
  event: TrunkEvent,
  random: () => number,
): TrunkStep {
  switch (event.kind) {
    case 'wanted':
      return state.growing ? stay(state) : { state: { ...state, growing: true }, effects: ['dial'] };
    case 'connected':
    case 'dial-failed':
      return stay({ ...state, growing: false });
    case 'connection-lost':
    case 'connection-draining':
      if (event.left > 0) return stay(state);
      return { state: REDIALLING, effects: state.growing ? [] : ['dial'] };
    case 'silent':
      return event.left > 0 ? stay(state) : lost(nowMs, random, state.growing);
    case 'idle-closed':
      if (event.left > 0) return stay(state);
      return stay(state.growing ? CONNECTING : IDLE);
    case 'peer-answered':
    case 'drain':
      return stay(state);
  }
}

function whileDown(
  nowMs: number,
  state: TrunkState & { kind: 'down' },
  event: TrunkEvent,
  random: () => number,
): TrunkStep {
  switch (event.kind) {
    case 'wanted':
      if (state.dialling) return stay(state);
      if (nowMs < state.retryAtMs) return { state, effects: ['fail-waiters'] };
      return { state: { ...state, dialling: true }, effects: ['dial'] };
    case 'connected':
      return up(nowMs);
    case 'dial-failed': {
      const attempt = state.attempt + 1;
      const retryAtMs = nowMs + backoffMs(REDIAL_BACKOFF, attempt, random);
      return { state: { ...state, attempt, retryAtMs, dialling: false }, effects: ['fail-waiters'] };
    }
    case 'peer-answered':
      return stay(state.dialling ? state : { ...state, retryAtMs: nowMs });
    default:
      return stay(state);
  }
}

function up(nowMs: number): TrunkStep {
  return { state: { kind: 'up', sinceMs: nowMs, growing: false }, effects: ['report-answered'] };
}

function lost(nowMs: number, random: () => number, dialling = false): TrunkStep {
  const retryAtMs = nowMs + backoffMs(REDIAL_BACKOFF, 0, random);
  return {
    state: { kind: 'down', sinceMs: nowMs, attempt: 0, retryAtMs, dialling },
    effects: ['report-lost', 'fail-waiters'],
  };
}

function stay(state: TrunkState): TrunkStep {
  return { state, effects: [] };
}
