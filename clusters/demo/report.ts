import { finishedAtMs, type Sample } from './sample.ts';

/** What happened when, during one tour. Unix ms; undefined = not yet. */
export interface TourTimes {
  readonly lossAtMs: number;
  /** The lost cluster's processes answer again. */
  readonly returnedAtMs: number;
  /** The processes were started (or continued) again: the failover measurement ends here. */
  readonly restartAtMs: number;
  /** When each step of the failback began, in order, with the share that the policy gives. */
  readonly steps: readonly { readonly share: number; readonly fromMs: number; readonly untilMs: number }[];
}

/** Percent: what the policy gives, and what was seen; null when no answered request was sent in the step. */
export interface StepShare {
  readonly share: number;
  readonly observedShare: number | null;
}

/** Where a number is null it could not be measured: `unmeasured` says so. */
export interface TourReport {
  readonly store: 'memory' | 'redis';
  readonly requests: number;
  readonly failed: number;
  readonly inFlightAtLoss: number;
  readonly nonIdempotent: { readonly requests: number; readonly failed: number };
  readonly failoverMs: number | null;
  readonly failbackMs: number | null;
  readonly failbackSteps: readonly StepShare[];
  readonly changes: number;
  readonly propagationMs: { readonly p50: number | null; readonly p99: number | null };
  readonly redisOutageMs: number;
}

/** A request is slow when it took longer than this many medians from before the loss. */
const SLOW_FACTOR = 5;
/** Cut off at each end of a step: workers and replicas need not agree to the millisecond. */
const STEP_EDGE_MS = 50;
/** The full share counts from the first moment after which this many answers in a row came from the cluster. */
const FULL_SHARE_RUN = 200;

/** Nearest-rank percentile of unsorted values; NaN for none. */
export function percentile(values: readonly number[], percent: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

/** Loss → first moment after which, until the restart, no request took longer than 5 medians or failed. */
export function failoverMs(samples: readonly Sample[], times: TourTimes): number {
  const before = samples.filter((sample) => finishedAtMs(sample) < times.lossAtMs);
  const limitMs =
    SLOW_FACTOR *
    percentile(
      before.map((sample) => sample.durationMs),
      50,
    );
  let calmFromMs = times.lossAtMs;
  for (const sample of samples) {
    if (finishedAtMs(sample) < times.lossAtMs || sample.sentAtMs >= times.restartAtMs) continue;
    const disturbed = sample.durationMs > limitMs || sample.failure !== undefined;
    // A slow request disturbs until it ends, not only when it was sent.
    if (disturbed) calmFromMs = Math.max(calmFromMs, finishedAtMs(sample));
  }
  return round(calmFromMs - times.lossAtMs);
}

/** Processes up again → the cluster answers everything; null when it never did. */
export function failbackMs(samples: readonly Sample[], cluster: string, times: TourTimes): number | null {
  const after = samples
    .filter((sample) => sample.sentAtMs >= times.returnedAtMs && sample.failure === undefined)
    .toSorted((a, b) => a.sentAtMs - b.sentAtMs);
  let run = 0;
  for (const [index, sample] of after.entries()) {
    run = sample.cluster === cluster ? run + 1 : 0;
    if (run === FULL_SHARE_RUN) {
      const first = after[index - FULL_SHARE_RUN + 1];
      return first === undefined ? null : round(first.sentAtMs - times.returnedAtMs);
    }
  }
  return null;
}

/** What share of the answered requests that were sent in each step the cluster answered, in percent. */
export function failbackSteps(samples: readonly Sample[], cluster: string, times: TourTimes): StepShare[] {
  return times.steps.map((step) => {
    const inStep = samples.filter(
      (sample) =>
        sample.failure === undefined &&
        sample.sentAtMs >= step.fromMs + STEP_EDGE_MS &&
        sample.sentAtMs < step.untilMs - STEP_EDGE_MS,
    );
    const answered = inStep.filter((sample) => sample.cluster === cluster).length;
    return { share: step.share, observedShare: numberOrNull((100 * answered) / inStep.length) };
  });
}

export interface ReportInput {
  readonly store: 'memory' | 'redis';
  readonly cluster: string;
  readonly samples: readonly Sample[];
  readonly times: TourTimes;
  readonly propagationMs: readonly number[];
  readonly redisOutageMs: number;
}

export function buildReport(input: ReportInput): TourReport {
  const { samples, times, cluster } = input;
  const idempotent = samples.filter((sample) => sample.idempotent);
  const others = samples.filter((sample) => !sample.idempotent);
  return {
    store: input.store,
    requests: idempotent.length,
    failed: failures(idempotent),
    inFlightAtLoss: samples.filter(
      (sample) => sample.sentAtMs <= times.lossAtMs && finishedAtMs(sample) > times.lossAtMs,
    ).length,
    nonIdempotent: { requests: others.length, failed: failures(others) },
    failoverMs: failoverMs(samples, times),
    failbackMs: failbackMs(samples, cluster, times),
    failbackSteps: failbackSteps(samples, cluster, times),
    changes: input.propagationMs.length,
    propagationMs: {
      p50: numberOrNull(percentile(input.propagationMs, 50)),
      p99: numberOrNull(percentile(input.propagationMs, 99)),
    },
    redisOutageMs: Math.round(input.redisOutageMs),
  };
}

/** What a report has no number for, each as a sentence. */
export function unmeasured(report: TourReport): string[] {
  const { failbackSteps: steps, failbackMs: returnMs, propagationMs } = report;
  const found: string[] = [];
  if (steps.length === 0) found.push('no failback was seen to begin');
  else if (returnMs === null) found.push('the cluster that came back did not answer everything again');
  for (const { share, observedShare } of steps) {
    if (observedShare === null) found.push(`no request was answered in the failback step of ${share} %`);
  }
  if (propagationMs.p50 === null) found.push('no change was seen to arrive');
  return found;
}

/** JSON has no NaN. */
function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : round(value);
}

function failures(samples: readonly Sample[]): number {
  return samples.filter((sample) => sample.failure !== undefined).length;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
