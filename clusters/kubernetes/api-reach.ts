import { type Clock, every } from '../../federation/runtime/clock.ts';
import {
  type ApiReachState,
  answered,
  doubt,
  type ProbeResult,
  probeDue,
  probeEnded,
} from './api-reach-state.ts';

export interface ApiReachOptions {
  readonly clock: Clock;
  /** Asks the API server on a connection of its own whether it is ready. Never throws. */
  readonly probe: (signal: AbortSignal) => Promise<ProbeResult>;
}

/** Often enough to see the return at once; asked by one of a process instead of by all who wait. */
const LOOK_EVERY_MS = 250;

/**
 * Whether an API server answers, as one process sees it. While that is in doubt it is asked once a second, so that all
 * who wait for it (each with a patience of its own, which grows) are told together when it is back.
 */
export class ApiReach {
  readonly #options: ApiReachOptions;
  readonly #listeners = new Set<() => void>();
  #state: ApiReachState = { kind: 'answering' };
  #probing: { readonly stop: () => void; readonly end: AbortController } | undefined;
  #closed = false;

  constructor(options: ApiReachOptions) {
    this.#options = options;
  }

  get state(): ApiReachState {
    return this.#state;
  }

  /** Calls back each time when the API server is back after an outage. */
  onReturn(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A request failed as if there were no API server, or is late. @returns whether that is news */
  doubt(): boolean {
    if (this.#closed || this.#state.kind === 'doubtful') return false;
    const { clock } = this.#options;
    this.#state = doubt(clock.monotonic());
    const end = new AbortController();
    this.#probing = { stop: every(clock, LOOK_EVERY_MS, () => this.#look(end.signal)), end };
    this.#look(end.signal);
    return true;
  }

  /** A request was answered. */
  answered(): void {
    if (this.#state.kind === 'doubtful') this.#become(answered(this.#state));
  }

  close(): void {
    this.#closed = true;
    this.#endProbes();
    this.#listeners.clear();
  }

  #look(signal: AbortSignal): void {
    if (this.#state.kind !== 'doubtful') return;
    const due = probeDue(this.#state, this.#options.clock.monotonic());
    if (due === undefined) return;
    const { probe } = due;
    this.#state = due.state;
    void this.#options.probe(signal).then((result) => {
      if (this.#state.kind === 'doubtful' && !signal.aborted)
        this.#become(probeEnded(this.#state, probe, result));
    });
  }

  #become(next: ApiReachState): void {
    const before = this.#state;
    this.#state = next;
    if (before.kind !== 'doubtful' || next.kind === 'doubtful') return;
    this.#endProbes();
    if (next.wasAway !== true) return;
    for (const listener of [...this.#listeners]) listener();
  }

  #endProbes(): void {
    this.#probing?.stop();
    this.#probing?.end.abort();
    this.#probing = undefined;
  }
}
