import type { Clock } from '../../federation/runtime/clock.ts';

/** Resolves at a time, monotonic ms, or when the signal ends the wait. */
export function pauseUntil(clock: Clock, untilMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(Math.max(0, untilMs - clock.monotonic()), end);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}
