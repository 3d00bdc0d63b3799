import type { Timed, TimerWheel } from '../http/timer-wheel.ts';

/** Which of a request's times is over; `delay`: it has waited as long as it was to. */
export type Expiry = 'request' | 'attempt' | 'idle' | 'delay';

/** Whom `Deadlines` tells. */
export interface DeadlineOwner {
  timeUp(expiry: Expiry): void;
}

const NEVER = Number.POSITIVE_INFINITY;

/**
 * The times of one request, where it has any: of the whole, of the attempt under way, of silence, and of a delay. One entry of the
 * worker's wheel, however many there are and however often they move. All times are monotonic ms.
 */
export class Deadlines implements Timed {
  readonly #wheel: TimerWheel;
  readonly #owner: DeadlineOwner;
  #requestAtMs = NEVER;
  #attemptAtMs = NEVER;
  #delayedToMs = NEVER;
  #idleMs = NEVER;
  #movedAtMs = 0;
  /** When the wheel calls; later than the nearest deadline never. */
  #armedAtMs = NEVER;

  constructor(wheel: TimerWheel, owner: DeadlineOwner) {
    this.#wheel = wheel;
    this.#owner = owner;
  }

  get requestAtMs(): number {
    return this.#requestAtMs;
  }

  /** The nearest of all that were said. */
  boundRequest(nowMs: number, atMs: number): void {
    this.#requestAtMs = Math.min(this.#requestAtMs, atMs);
    this.#arm(nowMs);
  }

  beginAttempt(nowMs: number, timeoutMs: number): void {
    this.#attemptAtMs = nowMs + timeoutMs;
    this.#arm(nowMs);
  }

  endAttempt(): void {
    this.#attemptAtMs = NEVER;
  }

  delay(nowMs: number, delayMs: number): void {
    this.#delayedToMs = nowMs + delayMs;
    this.#arm(nowMs);
  }

  watchIdle(nowMs: number, idleMs: number): void {
    this.#idleMs = idleMs;
    this.#movedAtMs = nowMs;
    this.#arm(nowMs);
  }

  /** A byte moved. */
  moved(): void {
    // While the request is in the wheel, it turns: its time is of a few ms ago at most.
    this.#movedAtMs = this.#wheel.nowMs;
  }

  /** From now on it is a tunnel, which may last as long as something moves in it. */
  tunnelOpened(): void {
    this.#requestAtMs = NEVER;
    this.#attemptAtMs = NEVER;
  }

  close(): void {
    this.#delayedToMs = NEVER;
    this.#requestAtMs = NEVER;
    this.#attemptAtMs = NEVER;
    this.#idleMs = NEVER;
    this.#wheel.remove(this);
  }

  onTick(nowMs: number): number {
    this.#armedAtMs = NEVER;
    if (nowMs >= this.#requestAtMs) this.#tell('request');
    else if (nowMs >= this.#attemptAtMs) this.#tell('attempt');
    else if (nowMs >= this.#movedAtMs + this.#idleMs) this.#tell('idle');
    else if (nowMs >= this.#delayedToMs) this.#tell('delay');
    const nextMs = this.#nextMs();
    if (nextMs === NEVER) return 0;
    this.#armedAtMs = nextMs;
    return nextMs;
  }

  #tell(expiry: Expiry): void {
    if (expiry === 'request') this.#requestAtMs = NEVER;
    else if (expiry === 'attempt') this.#attemptAtMs = NEVER;
    else if (expiry === 'idle') this.#idleMs = NEVER;
    else this.#delayedToMs = NEVER;
    this.#owner.timeUp(expiry);
  }

  #nextMs(): number {
    return Math.min(this.#requestAtMs, this.#attemptAtMs, this.#movedAtMs + this.#idleMs, this.#delayedToMs);
  }

  #arm(nowMs: number): void {
    const nextMs = this.#nextMs();
    if (nextMs >= this.#armedAtMs) return;
    this.#armedAtMs = nextMs;
    this.#wheel.schedule(this, Math.max(0, nextMs - nowMs));
  }
}
