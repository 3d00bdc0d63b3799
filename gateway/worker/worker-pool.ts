import type { Socket } from 'node:net';
import type { Clock } from '../../federation/runtime/clock.ts';
import type { Listener } from '../listener/connection-server.ts';
import type { OperationLog } from '../telemetry/operation-log.ts';
import type { ParentMessage, WorkerMessage } from './messages.ts';
import type { WorkerChannel } from './worker-channel.ts';
import { WorkerSlot } from './worker-slot.ts';

export interface WorkerPoolOptions {
  readonly workers: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: OperationLog;
  /** What a new process must know before it gets connections. */
  readonly introduce: (slot: number, channel: WorkerChannel) => void;
  readonly message: (from: WorkerChannel, message: WorkerMessage) => void;
  readonly gone: (pid: number) => void;
}

/** Connections that wait while no worker runs (all of them died at once). */
const MAX_WAITING_CONNECTIONS = 1024;

/** The gateway's workers: hands connections out in turn, and speaks to all of them. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  #slots: readonly WorkerSlot[] = [];
  readonly #waiting: { readonly socket: Socket; readonly listener: Listener }[] = [];
  readonly #ended = Promise.withResolvers<void>();
  readonly #refusing = new Set<WorkerChannel>();
  #turn = 0;
  #draining = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  start(): void {
    const handlers = {
      ready: (slot: WorkerSlot, channel: WorkerChannel) => this.#ready(slot, channel),
      message: (_slot: WorkerSlot, message: WorkerMessage, channel: WorkerChannel) =>
        this.#options.message(channel, message),
      gone: (_slot: WorkerSlot, channel: WorkerChannel) => this.#gone(channel),
    };
    const { workers } = this.#options;
    this.#slots = Array.from(
      { length: workers },
      (_, index) => new WorkerSlot(index, handlers, this.#options),
    );
  }

  /** Those that run now. */
  get running(): readonly WorkerChannel[] {
    return this.#slots.flatMap(({ running }) => (running === undefined ? [] : [running]));
  }

  broadcast(message: ParentMessage, except?: WorkerChannel): void {
    for (const channel of this.running) if (channel !== except) channel.send(message);
  }

  handOut(socket: Socket, listener: Listener): void {
    // Accepted just before the ports closed: its worker may have ended by the time it would arrive.
    if (this.#draining) {
      socket.destroy();
      return;
    }
    const channel = this.#next();
    if (channel !== undefined) channel.sendConnection({ kind: 'connection', listener }, socket);
    else if (this.#waiting.length < MAX_WAITING_CONNECTIONS) this.#waiting.push({ socket, listener });
    else socket.destroy();
  }

  /** Whether a worker has so much to do that the others should get new connections. */
  refuses(channel: WorkerChannel, refuses: boolean): void {
    if (refuses) this.#refusing.add(channel);
    else this.#refusing.delete(channel);
  }

  /** Lets all end by themselves; resolves when they have, at the latest after `graceMs` and a little. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    for (const { socket } of this.#waiting.splice(0)) socket.destroy();
    for (const slot of this.#slots) slot.stop();
    this.broadcast({ kind: 'drain', graceMs });
    // A worker ends at its own grace's end; one that hangs is ended here.
    const cancel = this.#options.clock.after(graceMs + 1_000, () => this.kill());
    this.#checkEnded();
    await this.#ended.promise;
    cancel();
  }

  kill(): void {
    for (const slot of this.#slots) {
      slot.stop();
      slot.kill();
    }
  }

  #ready(slot: WorkerSlot, channel: WorkerChannel): void {
    this.#options.introduce(slot.index, channel);
    for (const { socket, listener } of this.#waiting.splice(0)) this.handOut(socket, listener);
  }

  #gone(channel: WorkerChannel): void {
    this.#refusing.delete(channel);
    this.#options.gone(channel.pid);
    this.#checkEnded();
  }

  #checkEnded(): void {
    if (this.#slots.every(({ ended }) => ended)) this.#ended.resolve();
  }

  /** The next in turn that takes connections; if none does, the next in turn, which counts what it refuses. */
  #next(): WorkerChannel | undefined {
    let refusing: WorkerChannel | undefined;
    for (let tried = 0; tried < this.#slots.length; tried++) {
      this.#turn = (this.#turn + 1) % this.#slots.length;
      const channel = this.#slots[this.#turn]?.running;
      if (channel === undefined) continue;
      if (!this.#refusing.has(channel)) return channel;
      refusing ??= channel;
    }
    return refusing;
  }
}
