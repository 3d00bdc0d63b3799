import { type BackoffPolicy, backoffMs } from '../../federation/runtime/backoff.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import type { OperationLog } from '../telemetry/operation-log.ts';
import type { WorkerMessage } from './messages.ts';
import { WorkerChannel } from './worker-channel.ts';

/** Which process has a worker's place. */
type SlotState =
  | { readonly kind: 'starting'; readonly channel: WorkerChannel; readonly sinceMs: number }
  | { readonly kind: 'running'; readonly channel: WorkerChannel; readonly sinceMs: number }
  | { readonly kind: 'waiting'; readonly cancel: () => void }
  | { readonly kind: 'ended' };

export interface SlotHandlers {
  /** A new process is there and waits for its first messages. */
  readonly ready: (slot: WorkerSlot, channel: WorkerChannel) => void;
  readonly message: (slot: WorkerSlot, message: WorkerMessage, channel: WorkerChannel) => void;
  readonly gone: (slot: WorkerSlot, channel: WorkerChannel) => void;
}

const RESTART: BackoffPolicy = { baseMs: 200, maxMs: 10_000 };
/** A process that lived this long did not die of its start. */
const STABLE_MS = 30_000;

/** The place of one worker: when its process dies, another takes its place. */
export class WorkerSlot {
  readonly index: number;
  readonly #handlers: SlotHandlers;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #log: OperationLog;
  #state: SlotState;
  #attempt = 0;
  #stopping = false;

  constructor(
    index: number,
    handlers: SlotHandlers,
    options: { readonly clock: Clock; readonly random: () => number; readonly log: OperationLog },
  ) {
    this.index = index;
    this.#handlers = handlers;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#log = options.log;
    this.#state = this.#start();
  }

  /** The process that takes connections and messages; undefined between two of them. */
  get running(): WorkerChannel | undefined {
    return this.#state.kind === 'running' ? this.#state.channel : undefined;
  }

  get ended(): boolean {
    return this.#state.kind === 'ended';
  }

  /** From now on a process that ends has no successor. */
  stop(): void {
    this.#stopping = true;
    if (this.#state.kind === 'waiting') {
      this.#state.cancel();
      this.#state = { kind: 'ended' };
    }
    // Not ready for a drain yet, and nobody is connected to it.
    if (this.#state.kind === 'starting') this.#state.channel.kill();
  }

  kill(): void {
    if (this.#state.kind === 'starting' || this.#state.kind === 'running') this.#state.channel.kill();
  }

  #start(): SlotState {
    const channel = new WorkerChannel({
      message: (message) => this.#message(channel, message),
      ended: (reason) => this.#ended(channel, reason),
    });
    return { kind: 'starting', channel, sinceMs: this.#clock.monotonic() };
  }

  #message(channel: WorkerChannel, message: WorkerMessage): void {
    if (message.kind === 'ready' && this.#state.kind === 'starting') {
      this.#state = { ...this.#state, kind: 'running' };
      this.#handlers.ready(this, channel);
    } else this.#handlers.message(this, message, channel);
  }

  #ended(channel: WorkerChannel, reason: string): void {
    const state = this.#state;
    const livedMs = 'sinceMs' in state ? this.#clock.monotonic() - state.sinceMs : 0;
    if (this.#stopping) {
      this.#state = { kind: 'ended' };
      this.#handlers.gone(this, channel);
      return;
    }
    this.#attempt = livedMs >= STABLE_MS ? 0 : this.#attempt + 1;
    const delayMs = backoffMs(RESTART, this.#attempt, this.#random);
    this.#log.error(
      { worker: this.index, pid: channel.pid, reason, delayMs },
      'a worker died; another follows',
    );
    const cancel = this.#clock.after(delayMs, () => {
      this.#state = this.#start();
    });
    this.#state = { kind: 'waiting', cancel };
    this.#handlers.gone(this, channel);
  }
}
