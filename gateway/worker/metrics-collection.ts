import type { Clock } from '../../federation/runtime/clock.ts';
import { Exposition } from '../telemetry/exposition.ts';
import type { MetricFamily } from '../telemetry/metric-family.ts';
import type { WorkerChannel } from './worker-channel.ts';

type CollectedChannel = Pick<WorkerChannel, 'pid' | 'send'>;

/** A worker that is busy for longer is left out of the scrape with its newest figures; its last report counts. */
const COLLECT_TIMEOUT_MS = 2_000;

interface Collection {
  readonly id: number;
  readonly waitingFor: Set<number>;
  readonly done: () => void;
}

/** Asks the workers for their figures when somebody scrapes. */
export class MetricsCollection {
  readonly #clock: Clock;
  readonly #channels: () => readonly CollectedChannel[];
  readonly #exposition = new Exposition();
  #lastId = 0;
  #current: Collection | undefined;
  #running: Promise<void> | undefined;

  constructor(clock: Clock, channels: () => readonly CollectedChannel[]) {
    this.#clock = clock;
    this.#channels = channels;
  }

  /** Prometheus' text of all workers and of the parent, whose own figures are `own`. */
  async text(own: () => readonly MetricFamily[]): Promise<string> {
    // Scrapes that come at the same time share one collection.
    this.#running ??= this.#collect().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
    return this.#exposition.text(own());
  }

  collected(channel: CollectedChannel, id: number, families: readonly MetricFamily[]): void {
    this.#exposition.reported(channel.pid, families);
    if (this.#current?.id === id) this.#settled(channel.pid);
  }

  gone(pid: number): void {
    this.#exposition.ended(pid);
    this.#settled(pid);
  }

  #collect(): Promise<void> {
    const channels = this.#channels();
    if (channels.length === 0) return Promise.resolve();
    this.#lastId++;
    const id = this.#lastId;
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        this.#current = undefined;
        resolve();
      };
      const cancel = this.#clock.after(COLLECT_TIMEOUT_MS, done);
      this.#current = { id, waitingFor: new Set(channels.map(({ pid }) => pid)), done };
      for (const channel of channels) channel.send({ kind: 'collect', id });
    });
  }

  #settled(pid: number): void {
    const current = this.#current;
    current?.waitingFor.delete(pid);
    if (current?.waitingFor.size === 0) current.done();
  }
}
