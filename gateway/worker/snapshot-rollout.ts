import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import type { SnapshotEncoder } from '../../federation/wire/snapshot-encoder.ts';
import type { SnapshotOffer } from '../control/control-plane.ts';
import type { OperationLog } from '../telemetry/operation-log.ts';
import { AnswerWatch } from './answer-watch.ts';
import type { ParentMessage } from './messages.ts';
import type { WorkerChannel } from './worker-channel.ts';

/** What of a worker's channel is needed to bring it a snapshot. */
export type RolloutChannel = Pick<WorkerChannel, 'pid' | 'send' | 'kill'>;

/** Which snapshot a worker answers to. */
export type SnapshotVersion = Pick<RoutingSnapshot, 'epoch' | 'version'>;

/** A snapshot of which the workers have not decided. Workers by process id. */
interface Rollout {
  readonly snapshot: RoutingSnapshot;
  readonly message: ParentMessage;
  readonly offeredTo: Set<number>;
  readonly waitingFor: Set<number>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export interface RolloutOptions {
  readonly clock: Clock;
  readonly encoder: SnapshotEncoder;
  readonly log: Pick<OperationLog, 'error'>;
  /** To the workers that run. */
  readonly channels: () => readonly RolloutChannel[];
  /** What a worker must be told of what a snapshot brings: lost peers, and checks. */
  readonly known: () => readonly ParentMessage[];
}

/**
 * Brings each snapshot to all workers, one after another. A worker that comes meanwhile begins with the one before: should
 * the new one end whoever compiles it, there are still workers that serve.
 */
export class SnapshotRollout {
  readonly #options: RolloutOptions;
  readonly #answers: AnswerWatch;
  /** What each worker has, by process id. */
  readonly #applied = new Map<number, RoutingSnapshot>();
  #accepted: RoutingSnapshot | undefined;
  #current: Rollout | undefined;
  #closed = false;

  constructor(options: RolloutOptions) {
    this.#options = options;
    this.#answers = new AnswerWatch(options.clock);
  }

  /** True when some worker serves by the newest snapshot. */
  get inForce(): boolean {
    const newest = this.#newest;
    return newest !== undefined && [...this.#applied.values()].includes(newest);
  }

  /** Tells a new process what all others know. */
  introduce(channel: RolloutChannel): void {
    this.#tellAccepted([channel]);
    const current = this.#current;
    // Nobody ran who could have said whether it is any good.
    if (current?.offeredTo.size === 0) this.#offerTo(current, [channel]);
  }

  /**
   * Resolves when every worker serves by it; of those that end meanwhile no answer is needed, if only one serves by it.
   * When one refuses, or none is left, all go back to the one before, and it rejects with the reason. Where no worker runs
   * it waits for one, except with the very first: that one is in force at once.
   */
  offer({ snapshot, encoded }: SnapshotOffer): Promise<void> {
    const channels = this.#options.channels();
    if (this.#accepted === undefined && channels.length === 0) {
      this.#accepted = snapshot;
      return Promise.resolve();
    }
    if (this.#closed) return Promise.reject(new Error(ENDS));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { kind, bytes } = encoded;
    const current: Rollout = {
      snapshot,
      message: { kind, bytes, ...versionOf(snapshot) },
      offeredTo: new Set(),
      waitingFor: new Set(),
      resolve,
      reject,
    };
    this.#current = current;
    this.#offerTo(current, channels);
    return promise;
  }

  applied(channel: RolloutChannel, version: SnapshotVersion): void {
    this.#answers.answered(channel);
    const newest = this.#newest;
    if (newest === undefined || !isSame(newest, version)) return;
    this.#applied.set(channel.pid, newest);
    this.#noLongerWaitFor(channel.pid);
  }

  refused(
    channel: RolloutChannel,
    { reason, ...version }: SnapshotVersion & { readonly reason: string },
  ): void {
    this.#answers.answered(channel);
    const current = this.#current;
    if (current?.waitingFor.has(channel.pid) && isSame(current.snapshot, version)) {
      this.#applied.delete(channel.pid);
      this.#takeBack(current, reason);
    } else if (this.#accepted !== undefined && isSame(this.#accepted, version)) {
      const { epoch, version: number } = version;
      const worker = { pid: channel.pid, epoch, version: number, reason };
      this.#options.log.error(worker, 'a worker refused the snapshot in force; another takes its place');
      channel.kill();
    }
    // Or it is about one that was taken back, because another worker had refused it before.
  }

  gone(pid: number): void {
    this.#answers.gone(pid);
    this.#applied.delete(pid);
    this.#noLongerWaitFor(pid);
  }

  /** No worker will come any more. */
  close(): void {
    this.#closed = true;
    if (this.#current !== undefined) this.#takeBack(this.#current, ENDS);
  }

  get #newest(): RoutingSnapshot | undefined {
    return this.#current?.snapshot ?? this.#accepted;
  }

  #offerTo({ message, offeredTo, waitingFor }: Rollout, channels: readonly RolloutChannel[]): void {
    for (const channel of channels) {
      offeredTo.add(channel.pid);
      waitingFor.add(channel.pid);
      this.#ask(channel, message);
    }
  }

  #noLongerWaitFor(pid: number): void {
    const current = this.#current;
    if (!current?.waitingFor.delete(pid) || current.waitingFor.size > 0) return;
    if (this.inForce) this.#accept(current);
    else this.#takeBack(current, 'every worker that was to compile it ended; the gateway’s log says how');
  }

  #accept({ snapshot, offeredTo, resolve }: Rollout): void {
    this.#current = undefined;
    this.#accepted = snapshot;
    this.#tellAccepted(this.#options.channels().filter(({ pid }) => !offeredTo.has(pid)));
    resolve();
  }

  #takeBack({ reject }: Rollout, reason: string): void {
    this.#current = undefined;
    // Of what the refused one had removed, workers have forgotten what they knew.
    this.#tellAccepted(this.#options.channels());
    reject(new Error(reason));
  }

  #tellAccepted(channels: readonly RolloutChannel[]): void {
    const accepted = this.#accepted;
    if (channels.length === 0 || accepted === undefined) return;
    const { encoder, known } = this.#options;
    const bytes = encoder.snapshot(accepted);
    const messages = known();
    for (const channel of channels) {
      this.#ask(channel, { kind: 'snapshot', bytes, ...versionOf(accepted) });
      for (const message of messages) channel.send(message);
    }
  }

  #ask(channel: RolloutChannel, message: ParentMessage): void {
    this.#answers.asked(channel);
    channel.send(message);
  }
}

const ENDS = 'the gateway ends';

function versionOf({ epoch, version }: SnapshotVersion): SnapshotVersion {
  return { epoch, version };
}

function isSame(one: SnapshotVersion, other: SnapshotVersion): boolean {
  return one.epoch === other.epoch && one.version === other.version;
}
