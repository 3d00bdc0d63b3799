/**
 * What a worker does about its load, each stage with what the ones before it do: it sheds new work before it dies of
 * it. The idea is that of Envoy's overload manager: readings become a pressure, pressures a stage.
 */
export const OVERLOAD_STAGES = ['normal', 'close-idle', 'refuse-requests', 'refuse-connections'] as const;

export type OverloadStage = (typeof OVERLOAD_STAGES)[number];

/** Where the stages begin: pressures, of which 1 is all that the worker may carry. */
export interface OverloadLimits {
  readonly closeIdleAt: number;
  readonly refuseRequestsAt: number;
  readonly refuseConnectionsAt: number;
  /** The delay of the event loop that counts as pressure 1. */
  readonly maxLoopDelayMs: number;
  /** For the pressure to stay below a stage before it is left. */
  readonly calmMs: number;
}

/** Each as a share of what there may be, but for the delay. */
export interface OverloadReadings {
  /** Of the byte pool. */
  readonly heldRatio: number;
  readonly activeRequestsRatio: number;
  /** The larger of the heap's and the process's. */
  readonly memoryRatio: number;
  /** How late the event loop came to the timer of this reading. */
  readonly loopDelayMs: number;
}

export interface OverloadState {
  readonly stage: OverloadStage;
  /** Monotonic ms since when the pressure has been below the stage; undefined = it is not. */
  readonly calmSinceMs: number | undefined;
  /** The delays of the last readings, newest first. */
  readonly loopDelaysMs: readonly number[];
}

export const NO_OVERLOAD: OverloadState = { stage: 'normal', calmSinceMs: undefined, loopDelaysMs: [] };

/** How many readings a delay must last: one long pause is no queue that stands (as in CoDel, RFC 8289). */
const LOOP_READINGS = 4;
/** How far the pressure must fall below where a stage begins. */
const HYSTERESIS = 0.1;

/** Up at once, as far as the pressure says; down one stage after the other, each after a time of calm. */
export function decideOverload(
  nowMs: number,
  state: OverloadState,
  readings: OverloadReadings,
  limits: OverloadLimits,
): OverloadState {
  const loopDelaysMs = [readings.loopDelayMs, ...state.loopDelaysMs].slice(0, LOOP_READINGS);
  const pressure = pressureOf(readings, loopDelaysMs, limits);
  const current = OVERLOAD_STAGES.indexOf(state.stage);
  const wanted = stageAt(pressure, limits);
  if (wanted > current) return { stage: stage(wanted), calmSinceMs: undefined, loopDelaysMs };
  if (current === 0 || stageAt(pressure + HYSTERESIS, limits) >= current) {
    return { stage: state.stage, calmSinceMs: undefined, loopDelaysMs };
  }
  const calmSinceMs = state.calmSinceMs ?? nowMs;
  if (nowMs - calmSinceMs < limits.calmMs) return { stage: state.stage, calmSinceMs, loopDelaysMs };
  return { stage: stage(current - 1), calmSinceMs: nowMs, loopDelaysMs };
}

/** Whether a stage does what another one does. */
export function includesStage(is: OverloadStage, does: OverloadStage): boolean {
  return OVERLOAD_STAGES.indexOf(is) >= OVERLOAD_STAGES.indexOf(does);
}

function pressureOf(
  { heldRatio, activeRequestsRatio, memoryRatio }: OverloadReadings,
  loopDelaysMs: readonly number[],
  { maxLoopDelayMs }: OverloadLimits,
): number {
  const standingMs = loopDelaysMs.length < LOOP_READINGS ? 0 : Math.min(...loopDelaysMs);
  return Math.max(heldRatio, activeRequestsRatio, memoryRatio, standingMs / maxLoopDelayMs);
}

function stageAt(pressure: number, limits: OverloadLimits): number {
  if (pressure >= limits.refuseConnectionsAt) return 3;
  if (pressure >= limits.refuseRequestsAt) return 2;
  return pressure >= limits.closeIdleAt ? 1 : 0;
}

function stage(index: number): OverloadStage {
  return OVERLOAD_STAGES[index] ?? 'normal';
}
