import type { Clock } from './clock.ts';

/** What may end a wait: calls back when it does; the returned function forgets that. */
export type Ending = (end: () => void) => () => void;

/** Resolves after a time, or as soon as one of `endings` ends the wait. */
export function pause(clock: Clock, delayMs: number, ...endings: readonly Ending[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const forget = [clock.after(Math.max(0, delayMs), resolve), ...endings.map((ending) => ending(resolve))];
  return promise.finally(() => {
    for (const each of forget) each();
  });
}

/** Ends a wait when the signal does, or has. */
export function whenAborted(signal: AbortSignal): Ending {
  return (end) => {
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
    return () => signal.removeEventListener('abort', end);
  };
}
