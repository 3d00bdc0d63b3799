/** Times of an election, in ms; client-go's. A leader must know that it lost before another may think so. */
export interface LeaseTimes {
  /** How long others wait after the last renewal that they saw. */
  readonly durationMs: number;
  /** How long a leader leads after its last renewal; less than `durationMs`. */
  readonly renewDeadlineMs: number;
  /** How often a leader renews and a candidate looks. */
  readonly retryMs: number;
  /** How long one that was given up for a successor is left to that one, which looks every `retryMs`. */
  readonly successionMs: number;
}

export const LEASE_TIMES: LeaseTimes = {
  durationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryMs: 2000,
  successionMs: 3000,
};

/**
 * A lease as we saw it. No clock but our own counts: not when it was renewed by its holder's clock, but since when it
 * has not changed before our eyes.
 */
export interface SeenLease {
  readonly resourceVersion: string;
  /** Empty: given back. */
  readonly holder: string;
  /** It was given up for `holder`, who does not hold it yet. */
  readonly offered: boolean;
  /** What its holder asks others to wait. */
  readonly durationMs: number;
  /** Monotonic ms: since when this version is before our eyes. */
  readonly sinceMs: number;
  /** Monotonic ms: when it was seen last. */
  readonly seenAtMs: number;
}

/** Where a replica stands; times are monotonic ms. */
export type LeaseState =
  | { readonly kind: 'candidate'; readonly seen: SeenLease | undefined; readonly tryAtMs: number }
  | {
      readonly kind: 'leader';
      /** When the last renewal that succeeded was sent: before the API server, and so anybody else, knew of it. */
      readonly renewedAtMs: number;
      readonly tryAtMs: number;
    };

export type LeaseStep =
  | { readonly kind: 'wait'; readonly untilMs: number }
  /** As a candidate: read it, and claim it where that is allowed. */
  | { readonly kind: 'look' }
  /** `withinMs`: a renewal that is not through by then comes too late. */
  | { readonly kind: 'renew'; readonly withinMs: number }
  | { readonly kind: 'step-down' };

/** Whoever asks others to wait longer than this is not heeded: a typing error must not end all leading. */
const MAX_DURATION_MS = 300_000;

/** What a replica does next. */
export function decide(nowMs: number, state: LeaseState, times: LeaseTimes): LeaseStep {
  if (state.kind === 'candidate') {
    return nowMs < state.tryAtMs ? { kind: 'wait', untilMs: state.tryAtMs } : { kind: 'look' };
  }
  const endMs = state.renewedAtMs + times.renewDeadlineMs;
  if (nowMs >= endMs) return { kind: 'step-down' };
  if (nowMs >= state.tryAtMs) return { kind: 'renew', withinMs: endMs - nowMs };
  return { kind: 'wait', untilMs: Math.min(state.tryAtMs, endMs) };
}

/**
 * What is seen now, with since when: any new version begins the wait anew, whoever wrote it. So does an outage in which we
 * could not look for as long as a leader has to renew: it could not either, and is not gone for that.
 */
export function observe(
  nowMs: number,
  before: SeenLease | undefined,
  now: Omit<SeenLease, 'sinceMs' | 'seenAtMs'>,
  { renewDeadlineMs }: LeaseTimes,
): SeenLease {
  const same = before?.resourceVersion === now.resourceVersion && nowMs - before.seenAtMs < renewDeadlineMs;
  return { ...now, sinceMs: same ? before.sinceMs : nowMs, seenAtMs: nowMs };
}

/**
 * Whether a candidate may take a lease: nobody holds it, we do, or its holder was silent for long enough. One that was given
 * up for a successor nobody holds, and that one may be gone: whoever made way need not wait as for a leader.
 */
export function mayTake(nowMs: number, seen: SeenLease, identity: string, times: LeaseTimes): boolean {
  if (seen.holder === '' || seen.holder === identity) return true;
  if (seen.offered) return nowMs - seen.sinceMs >= times.successionMs;
  const waitMs = Math.min(MAX_DURATION_MS, Math.max(times.durationMs, seen.durationMs));
  return nowMs - seen.sinceMs >= waitMs;
}
