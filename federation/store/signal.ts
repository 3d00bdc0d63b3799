import type { Clock } from '../runtime/clock.ts';

/** What a loop sleeps on: until it is woken or the time is over. A wake while nobody sleeps is kept for the next. */
export class Signal {
  readonly #clock: Clock;
  #woken = false;
  #end: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wake(): void {
    this.#woken = true;
    this.#end?.();
  }

  /** One sleeper at a time. */
  async sleep(durationMs: number): Promise<void> {
    if (!this.#woken && durationMs > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#clock.after(durationMs, resolve);
        this.#end = () => {
          cancel();
          resolve();
        };
      });
      this.#end = undefined;
    }
    this.#woken = false;
  }
}
