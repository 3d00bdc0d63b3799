import type { Clock } from '../../federation/runtime/clock.ts';

/** Something with deadlines that need not be exact: a connection's idle, header and flush timeouts. */
export interface Timed {
  /** Called about when it asked for. Returns when to call next (monotonic ms), or 0 for never again. */
  onTick(nowMs: number): number;
}

const SLOTS = 256;

/**
 * Coarse timers for a worker's connections: one tick for all of them instead of a timer per request. Each entry
 * looks at its own deadlines when it is called, so moving a deadline costs one assignment.
 */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #slots: Set<Timed>[] = Array.from({ length: SLOTS }, () => new Set());
  readonly #slotOf = new Map<Timed, number>();
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

  /** Calls `entry.onTick` after `delayMs`, at most a tick late; an entry has one place: an earlier one is given up. */
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
    const slot = this.#slotOf.get(entry);
    if (slot === undefined) return;
    this.#slotOf.delete(entry);
    this.#slots[slot]?.delete(entry);
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    for (const slot of this.#slots) slot.clear();
    this.#slotOf.clear();
  }

  #place(entry: Timed, atMs: number): void {
    this.remove(entry);
    const ticks = Math.ceil(atMs / this.#tickMs) - this.#tick;
    const slot = (this.#tick + Math.min(Math.max(ticks, 1), SLOTS - 1)) % SLOTS;
    this.#slots[slot]?.add(entry);
    this.#slotOf.set(entry, slot);
  }

  #arm(): void {
    this.#cancel = this.#clock.after(this.#tickMs, () => this.#advance());
  }

  #advance(): void {
    this.#nowMs = this.#clock.monotonic();
    const last = Math.floor(this.#nowMs / this.#tickMs);
    const due: Timed[] = [];
    // After a long pause of the process each slot is due once.
    for (let tick = Math.max(this.#tick + 1, last - SLOTS + 1); tick <= last; tick++) {
      const slot = this.#slots[tick % SLOTS];
      if (slot === undefined) continue;
      due.push(...slot);
      slot.clear();
    }
    this.#tick = Math.max(last, this.#tick);
    for (const entry of due) this.#slotOf.delete(entry);
    for (const entry of due) this.#call(entry);
    if (this.#slotOf.size > 0) this.#arm();
    else this.#cancel = undefined;
  }

  #call(entry: Timed): void {
    const nextMs = entry.onTick(this.#nowMs);
    if (nextMs > 0 && !this.#slotOf.has(entry)) this.#place(entry, nextMs);
  }
}
