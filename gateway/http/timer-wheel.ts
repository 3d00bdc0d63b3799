import type { Clock } from '../../federation/runtime/clock.ts';

/** Something with deadlines that need not be exact: a connection's idle, header and flush timeouts. */
export interface Timed {
  /** Called when it asked for, or a little later. Returns when to call next (monotonic ms), 0 = never again. */
  onTick(nowMs: number): number;
}

const SLOTS = 256;
/** A longer gap between ticks is a process that did not run: stopped, or starved. */
const PAUSE_TICKS = 8;

/**
 * Coarse timers for a worker's connections: one tick for all of them instead of a timer per request. Each entry
 * looks at its own deadlines when it is called, so moving a deadline costs one assignment.
 */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #slots: Set<Timed>[] = Array.from({ length: SLOTS }, () => new Set());
  /** By entry: the tick that it is due at; its slot is that modulo the number of slots. */
  readonly #dueTicks = new Map<Timed, number>();
  #tick: number;
  #nowMs: number;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, tickMs = 250) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#nowMs = clock.monotonic();
    this.#tick = Math.floor(this.#nowMs / tickMs);
  }

  /** Monotonic ms as of the last tick: cheap, and exact enough for what is measured in seconds. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Calls `entry.onTick` after `delayMs`, at most two ticks late. An entry has one place: an earlier one is given up. */
  schedule(entry: Timed, delayMs: number): void {
    if (this.#cancel === undefined) {
      // It stood still while it was empty.
      this.#nowMs = this.#clock.monotonic();
      this.#tick = Math.floor(this.#nowMs / this.#tickMs);
      this.#arm();
    }
    this.#place(entry, this.#nowMs + delayMs);
  }

  remove(entry: Timed): void {
    const dueTick = this.#dueTicks.get(entry);
    if (dueTick === undefined) return;
    this.#dueTicks.delete(entry);
    this.#slots[dueTick % SLOTS]?.delete(entry);
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    for (const slot of this.#slots) slot.clear();
    this.#dueTicks.clear();
  }

  #place(entry: Timed, atMs: number): void {
    this.remove(entry);
    const dueTick = Math.max(Math.ceil(atMs / this.#tickMs), this.#tick + 1);
    this.#slots[dueTick % SLOTS]?.add(entry);
    this.#dueTicks.set(entry, dueTick);
  }

  #arm(): void {
    this.#cancel = this.#clock.after(this.#tickMs, () => this.#advance());
  }

  #advance(): void {
    this.#nowMs = this.#clock.monotonic();
    const last = Math.max(this.#tick, Math.floor(this.#nowMs / this.#tickMs));
    if (last - this.#tick > PAUSE_TICKS) {
      // What came in meanwhile is looked at first: nobody is late only because we did not run.
      this.#tick = last - 1;
      for (const entry of this.#take(Math.max(0, last - SLOTS), last - 1)) this.#place(entry, 0);
      this.#arm();
      return;
    }
    const due = this.#take(this.#tick + 1, last);
    this.#tick = last;
    for (const entry of due) this.#call(entry);
    if (this.#dueTicks.size > 0) this.#arm();
    else this.#cancel = undefined;
  }

  /** Entries due in ticks `from` to `to`, taken out of their slots; what is due a round later stays. */
  #take(from: number, to: number): Timed[] {
    const due: Timed[] = [];
    for (let tick = from; tick <= to; tick++) {
      for (const entry of this.#slots[tick % SLOTS] ?? []) {
        if ((this.#dueTicks.get(entry) ?? 0) <= tick) due.push(entry);
      }
    }
    for (const entry of due) this.remove(entry);
    return due;
  }

  #call(entry: Timed): void {
    const nextMs = entry.onTick(this.#nowMs);
    if (nextMs > 0 && !this.#dueTicks.has(entry)) this.#place(entry, nextMs);
  }
}
