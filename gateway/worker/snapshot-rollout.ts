import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import type { SnapshotEncoder } from '../../federation/wire/snapshot-encoder.ts';
import type { SnapshotOffer } from '../control/control-plane.ts';
import type { ParentMessage } from './messages.ts';
import type { WorkerChannel } from './worker-channel.ts';

/** What of a worker's channel is needed to bring it a snapshot. */
export type RolloutChannel = Pick<WorkerChannel, 'pid' | 'send' | 'kill'>;

/** A worker that has not compiled a snapshot after this long hangs: it is killed, and another takes its place. */
const HUNG_MS = 30_000;

interface Rollout {
  readonly snapshot: RoutingSnapshot;
  readonly waitingFor: Set<number>;
  readonly done: () => void;
  readonly failed: (reason: string) => void;
}

export interface RolloutOptions {
  readonly clock: Clock;
  readonly encoder: SnapshotEncoder;
  /** To the workers that run. */
  readonly channels: () => readonly RolloutChannel[];
  /** What a worker must be told of what a snapshot brings: lost peers, and checks. */
  readonly known: () => readonly ParentMessage[];
}

/** Brings each snapshot to all workers, one after another. */
export class SnapshotRollout {
  readonly #options: RolloutOptions;
  /** What each worker has, by process id. */
  readonly #applied = new Map<number, RoutingSnapshot>();
  #newest: RoutingSnapshot | undefined;
  #current: Rollout | undefined;

  constructor(options: RolloutOptions) {
    this.#options = options;
  }

  /** True when some worker serves by the newest snapshot. */
  get inForce(): boolean {
    return this.#newest !== undefined && [...this.#applied.values()].includes(this.#newest);
  }

  /** What a new process gets. */
  introduction(): ParentMessage | undefined {
    return this.#newest && { kind: 'snapshot', bytes: this.#options.encoder.snapshot(this.#newest) };
  }

  /**
   * Resolves when every worker serves by it. When one refuses, all go back to the one before, and it rejects with
   * the reason.
   */
  async offer({ snapshot, encoded }: SnapshotOffer): Promise<void> {
    const previous = this.#newest;
    this.#newest = snapshot;
    const { kind, bytes } = encoded;
    try {
      await this.#send({ kind, bytes }, snapshot);
    } catch (error) {
      this.#newest = previous;
      this.#sendBack();
      throw error;
    }
  }

  applied(channel: RolloutChannel, version: { readonly epoch: number; readonly version: number }): void {
    const newest = this.#newest;
    if (newest === undefined || newest.epoch !== version.epoch || newest.version !== version.version) return;
    this.#applied.set(channel.pid, newest);
    this.#settled(channel.pid);
  }

  refused(channel: RolloutChannel, reason: string): void {
    this.#applied.delete(channel.pid);
    if (this.#current?.waitingFor.has(channel.pid)) this.#current.failed(reason);
  }

  gone(pid: number): void {
    this.#applied.delete(pid);
    this.#settled(pid);
  }

  /** Of what the refused one had removed, workers have forgotten what they knew. */
  #sendBack(): void {
    const back = this.introduction();
    if (back === undefined) return;
    const messages = [back, ...this.#options.known()];
    for (const channel of this.#options.channels()) for (const message of messages) channel.send(message);
  }

  #send(message: ParentMessage, snapshot: RoutingSnapshot): Promise<void> {
    const channels = this.#options.channels();
    if (channels.length === 0) return Promise.resolve();
    return new Promise<void>((resolve, reject) => {
      const cancel = this.#options.clock.after(HUNG_MS, () => this.#killHung());
      const end = (settle: () => void): void => {
        cancel();
        this.#current = undefined;
        settle();
      };
      this.#current = {
        snapshot,
        waitingFor: new Set(channels.map(({ pid }) => pid)),
        done: () => end(resolve),
        failed: (reason) => end(() => reject(new Error(reason))),
      };
      for (const channel of channels) channel.send(message);
    });
  }

  #settled(pid: number): void {
    const current = this.#current;
    current?.waitingFor.delete(pid);
    if (current?.waitingFor.size === 0) current.done();
  }

  #killHung(): void {
    for (const channel of this.#options.channels()) {
      if (this.#current?.waitingFor.has(channel.pid)) channel.kill();
    }
  }
}
