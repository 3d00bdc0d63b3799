import type { Clock } from '../../federation/runtime/clock.ts';

/**
 * Resolves at a time, monotonic ms, or when the signal ends the wait.
 * @param wake calls back when the wait is over earlier; gives what ends that
 */
export function pauseUntil(
  clock: Clock,
  untilMs: number,
  signal: AbortSignal,
  wake: (listener: () => void) => () => void = () => () => undefined,
): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      forget();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(Math.max(0, untilMs - clock.monotonic()), end);
    const forget = wake(end);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}
