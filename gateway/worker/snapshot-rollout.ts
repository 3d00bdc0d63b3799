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
  /** Some worker was told something, or could have been. */
  #met = false;
  /** Workers ended over a snapshot, and none was accepted since: the next is one worker's first. */
  #careful = false;
  #closed = false;

  constructor(options: RolloutOptions) {
    this.#options = options;
    this.#answers = new AnswerWatch(options.clock);
  }

  /** True when some worker serves by the newest snapshot. */
  get inForce(): boolean {
    const newest = this.#newest;
    return newest !== undefined && this.#isServed(newest);
  }

  /** Whether the next snapshot is the very first, before there was any worker: nobody will judge it. */
  get takesAtOnce(): boolean {
    return !this.#met && this.#accepted === undefined && this.#options.channels().length === 0;
  }

  /** Tells a new process what all others know; or what may cure that, where nobody serves by it. */
  introduce(channel: RolloutChannel): void {
    this.#met = true;
    const current = this.#current;
    if (current !== undefined && this.#isForNewcomer(current)) {
      current.offeredTo.add(channel.pid);
      current.waitingFor.add(channel.pid);
      this.#tellWhole(current.snapshot, [channel]);
    } else this.#tellAccepted([channel]);
  }

  /**
   * Resolves when every worker serves by it; of those that end meanwhile no answer is needed, if only one serves by it.
   * When one refuses, or none is left, all go back to the one before, and it rejects with the reason. Where no worker runs
   * it waits for one, except with the very first: that one is in force at once. After one that ended workers, only one
   * worker gets the next, and the others when it is accepted.
   */
  offer({ snapshot, encoded }: SnapshotOffer): Promise<void> {
    if (this.takesAtOnce) {
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
    this.#offerTo(current, this.#toBeOffered());
    return promise;
  }

  applied(channel: RolloutChannel, version: SnapshotVersion): void {
    const snapshot = this.#answered(channel, version);
    if (snapshot === undefined) return;
    this.#applied.set(channel.pid, snapshot);
    const current = this.#current;
    if (current?.snapshot !== snapshot) return;
    current.waitingFor.delete(channel.pid);
    this.#decide(current);
  }

  refused(
    channel: RolloutChannel,
    { reason, ...version }: SnapshotVersion & { readonly reason: string },
  ): void {
    const snapshot = this.#answered(channel, version);
    if (snapshot === undefined) return;
    const current = this.#current;
    if (current?.snapshot === snapshot) {
      this.#applied.delete(channel.pid);
      this.#takeBack(current, reason);
    } else if (this.#accepted === snapshot) {
      const { epoch, version: number } = version;
      const worker = { pid: channel.pid, epoch, version: number, reason };
      this.#options.log.error(worker, 'a worker refused the snapshot in force; another takes its place');
      channel.kill();
    }
    // Or it is about one that was taken back, because another worker had refused it before.
  }

  gone(pid: number): void {
    const endedOver = this.#answers.gone(pid);
    this.#applied.delete(pid);
    const current = this.#current;
    if (!current?.waitingFor.delete(pid)) return;
    if (endedOver === current.snapshot) this.#careful = true;
    // It ended over the one before, and never came to this one.
    else current.offeredTo.delete(pid);
    this.#decide(current);
  }

  /** No worker will come any more. */
  close(): void {
    this.#closed = true;
    if (this.#current !== undefined) this.#takeBack(this.#current, ENDS);
  }

  get #newest(): RoutingSnapshot | undefined {
    return this.#current?.snapshot ?? this.#accepted;
  }

  #isServed(snapshot: RoutingSnapshot): boolean {
    return [...this.#applied.values()].includes(snapshot);
  }

  /** The one in force may be what ends workers: where nobody serves by it, a newcomer gets the new one alone. */
  #isForNewcomer({ offeredTo }: Rollout): boolean {
    if (offeredTo.size === 0) return true;
    return !this.#careful && (this.#accepted === undefined || !this.#isServed(this.#accepted));
  }

  #toBeOffered(): readonly RolloutChannel[] {
    const channels = this.#options.channels();
    if (!this.#careful) return channels;
    const serves = ({ pid }: RolloutChannel) => this.#applied.get(pid) === this.#accepted;
    const first = channels.find(serves) ?? channels[0];
    return first === undefined ? [] : [first];
  }

  /** What a worker answers to. Versions alone do not tell: two releases may write one version differently. */
  #answered(channel: RolloutChannel, version: SnapshotVersion): RoutingSnapshot | undefined {
    const snapshot = this.#answers.answered(channel);
    if (snapshot !== undefined && isSame(snapshot, version)) return snapshot;
    // Nothing that it says can be counted any more.
    channel.kill();
    return undefined;
  }

  #offerTo({ snapshot, message, offeredTo, waitingFor }: Rollout, channels: readonly RolloutChannel[]): void {
    for (const channel of channels) {
      offeredTo.add(channel.pid);
      waitingFor.add(channel.pid);
      this.#ask(channel, snapshot, message);
    }
  }

  #decide(current: Rollout): void {
    // Offered to nobody, it is the next newcomer's.
    if (current.waitingFor.size > 0 || current.offeredTo.size === 0) return;
    if (this.inForce) this.#accept(current);
    else this.#takeBack(current, 'every worker that was to compile it ended; the gateway’s log says how');
  }

  #accept({ snapshot, offeredTo, resolve }: Rollout): void {
    this.#current = undefined;
    this.#careful = false;
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
    if (this.#accepted !== undefined) this.#tellWhole(this.#accepted, channels);
  }

  #tellWhole(snapshot: RoutingSnapshot, channels: readonly RolloutChannel[]): void {
    if (channels.length === 0) return;
    const { encoder, known } = this.#options;
    const bytes = encoder.snapshot(snapshot);
    const messages = known();
    for (const channel of channels) {
      this.#ask(channel, snapshot, { kind: 'snapshot', bytes, ...versionOf(snapshot) });
      for (const message of messages) channel.send(message);
    }
  }

  #ask(channel: RolloutChannel, snapshot: RoutingSnapshot, message: ParentMessage): void {
    this.#met = true;
    this.#answers.asked(channel, snapshot);
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
