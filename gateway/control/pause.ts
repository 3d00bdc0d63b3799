import type { Clock } from '../../federation/runtime/clock.ts';
import type { Readable } from '../../federation/runtime/watchable.ts';

/** Resolves after a time, or as soon as its owner is closed. */
export function pauseFor(clock: Clock, delayMs: number, closed: Readable<boolean>): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const end of ends) end();
      resolve();
    };
    const ends = [clock.after(delayMs, done), closed.watch(done)];
  });
}
