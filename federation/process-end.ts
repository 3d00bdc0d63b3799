import type { Logger } from 'pino';
import { SYSTEM_CLOCK } from './runtime/clock.ts';

const CLOSE_TIMEOUT_MS = 10_000;

/** Resolves when the process is told to end. */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
}

/** From now on everything is being closed; what does not end is not waited for. */
export function exitInTime(log: Logger): void {
  SYSTEM_CLOCK.after(CLOSE_TIMEOUT_MS, () => {
    log.error(`not everything ended in ${CLOSE_TIMEOUT_MS / 1000} s`);
    process.exit(1);
  });
}
