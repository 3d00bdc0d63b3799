import { setTimeout as pause } from 'node:timers/promises';
import type { DemoCluster } from './demo-cluster.ts';
import type { Loss } from './demo-options.ts';
import type { FailbackStep, FailbackWatch } from './failback-watch.ts';
import type { TourTimes } from './report.ts';

/** When the tour's events are due, ms after its start. */
export interface TourSchedule {
  readonly lossAfterMs: number;
  readonly returnAfterMs: number;
  readonly endAfterMs: number;
}

/** Loss at a fifth, return at two fifths, and the rest to come back and be calm: coming back takes the longest. */
export function tourSchedule(seconds: number): TourSchedule {
  const totalMs = seconds * 1000;
  return { lossAfterMs: totalMs * 0.2, returnAfterMs: totalMs * 0.4, endAfterMs: totalMs };
}

/** A tour waits this much longer for a slow machine's failback to end. */
const MAX_OVERRUN_MS = 30_000;
/** And no more than this for one that has not begun: its cluster may never have been missed. */
const MAX_OVERRUN_UNBEGUN_MS = 10_000;
const END_POLL_MS = 50;

/** Not before its planned end, nor before the last step of the failback was watched whole, within a bound. Unix ms. */
export function tourIsOver(nowMs: number, plannedEndMs: number, steps: readonly FailbackStep[]): boolean {
  if (nowMs < plannedEndMs) return false;
  const watchedAtMs = steps.at(-1)?.untilMs;
  if (watchedAtMs === undefined) return nowMs >= plannedEndMs + MAX_OVERRUN_UNBEGUN_MS;
  return nowMs >= Math.min(watchedAtMs, plannedEndMs + MAX_OVERRUN_MS);
}

/** What a watcher of the tour is told. */
export type TourNews = (sentence: string) => void;

/** Loses the cluster, brings it back, and says when what happened. */
export async function runTour(
  lost: DemoCluster,
  loss: Loss,
  schedule: TourSchedule,
  failback: FailbackWatch,
  news: TourNews,
): Promise<TourTimes> {
  const startMs = now();
  const at = (afterMs: number): Promise<void> => pause(Math.max(0, startMs + afterMs - now()));
  news(`${lost.name} serves everything`);
  await at(schedule.lossAfterMs);
  const lossAtMs = now();
  news(`${lost.name} is lost (${loss === 'kill' ? 'SIGKILL' : 'SIGSTOP'} to all of its processes)`);
  if (loss === 'freeze') lost.freeze();
  else await lost.kill();
  await at(schedule.returnAfterMs);
  const restartAtMs = now();
  news(`${lost.name} ${loss === 'kill' ? 'starts again' : 'goes on'}`);
  failback.start();
  if (loss === 'freeze') lost.thaw();
  else await lost.start();
  const returnedAtMs = now();
  news(`${lost.name} is up again; it is held down first, then gets its share in steps`);
  await at(schedule.endAfterMs);
  const plannedEndMs = startMs + schedule.endAfterMs;
  while (!tourIsOver(now(), plannedEndMs, failback.steps())) await pause(END_POLL_MS);
  failback.stop();
  return { lossAtMs, restartAtMs, returnedAtMs, steps: failback.steps() };
}

/** Unix ms with fractions, comparable with what the load process measures. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
