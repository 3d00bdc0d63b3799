/** Whether an API server answers; times are monotonic ms. */
export type ApiReachState =
  | {
      readonly kind: 'answering';
      /** It just came back: it was not merely slow with one request. */
      readonly wasAway?: boolean;
    }
  | {
      readonly kind: 'doubtful';
      readonly nextProbeAtMs: number;
      /** How many were sent so far; also the number of the next. */
      readonly probes: number;
      /** One of them failed. */
      readonly failed: boolean;
    };

type Doubtful = Extract<ApiReachState, { kind: 'doubtful' }>;

/** `not-ready`: it answers, and says that it cannot serve yet (it starts, or has no etcd). */
export type ProbeResult = 'ready' | 'not-ready' | 'unreachable';

/** Each on a connection of its own, for one that hangs says nothing about the next. */
const PROBE_EVERY_MS = 1000;
/** A busy server answers in another order than it was asked, by one or two. */
const PROBES_LOST = 3;

export function doubt(nowMs: number): ApiReachState {
  return { kind: 'doubtful', nextProbeAtMs: nowMs, probes: 0, failed: false };
}

/** The number of a probe that is to be sent now. */
export function probeDue(
  state: Doubtful,
  nowMs: number,
): { readonly state: ApiReachState; readonly probe: number } | undefined {
  if (nowMs < state.nextProbeAtMs) return undefined;
  const { probes } = state;
  return { state: { ...state, probes: probes + 1, nextProbeAtMs: nowMs + PROBE_EVERY_MS }, probe: probes };
}

/**
 * An answer after a failed probe, or before those of three earlier ones, is a return. If one of the first is answered, the
 * API server was there all the time, and slow or wrong with one request: nobody's patience is cut short for that,
 * or what fails for another reason would be tried again without a pause.
 */
export function probeEnded(state: Doubtful, probe: number, result: ProbeResult): ApiReachState {
  if (result !== 'ready') return { ...state, failed: true };
  return { kind: 'answering', wasAway: state.failed || probe >= PROBES_LOST };
}

/** An ordinary request was answered: that ends a doubt, but not an outage, for some answer before all can be. */
export function answered(state: Doubtful): ApiReachState {
  return state.failed || state.probes >= PROBES_LOST ? state : { kind: 'answering' };
}
