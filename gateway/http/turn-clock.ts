import type { Clock } from '../../federation/runtime/clock.ts';
import type { FlushTurn } from './turn.ts';

/**
 * A clock that stands still during a turn of the event loop: a request asks for the time five times, and reading it
 * costs more than some stages do. What came in during one turn so began at one moment, when the turn did.
 */
export class TurnClock implements Clock {
  readonly #clock: Clock;
  readonly #turn: FlushTurn;
  #readIn = -1;
  #nowMs = 0;
  #monotonicMs = 0;

  constructor(clock: Clock, turn: FlushTurn) {
    this.#clock = clock;
    this.#turn = turn;
  }

  now(): number {
    this.#read();
    return this.#nowMs;
  }

  monotonic(): number {
    this.#read();
    return this.#monotonicMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    return this.#clock.after(delayMs, callback);
  }

  #read(): void {
    const turn = this.#turn.current;
    if (turn === this.#readIn) return;
    this.#readIn = turn;
    this.#nowMs = this.#clock.now();
    this.#monotonicMs = this.#clock.monotonic();
  }
}
