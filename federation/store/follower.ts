import { type ClusterName, isDnsLabel, type LocalCluster } from '../model/cluster.ts';
import { fitsTrustDomain } from '../model/identity.ts';
import type { UserError } from '../model/user-error.ts';
import { type BackoffPolicy, backoffMs } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Readable } from '../runtime/watchable.ts';
import { WorkQueue } from '../runtime/work-queue.ts';
import type { StoreDriver } from './driver.ts';
import { FollowedPeer, type Now } from './followed-peer.ts';
import type { HeadVerifier } from './head.ts';
import { MAX_MEMBERS, StoreLimitError } from './limits.ts';
import { PeerDisk } from './peer-disk.ts';
import { PeerReplica } from './peer-replica.ts';
import type { PeerChange, PeerListener, PeerView } from './peer-view.ts';
import { Soundness } from './reach.ts';
import type { Reporter } from './report.ts';
import { Signal } from './signal.ts';

export interface FollowerOptions {
  readonly driver: StoreDriver;
  readonly local: LocalCluster;
  readonly verifier: HeadVerifier;
  readonly clock: Clock;
  readonly random: () => number;
  /** For high-water marks and last good copies. */
  readonly folder: string;
  /** Without a new head for this long, the store sound, a peer is unreachable. */
  readonly silenceMs: number;
  /** A peer gives a head every 2 s; one that is later may have been skipped in the log, and is looked up. */
  readonly lateMs: number;
  /** How often members, silence and repairs are looked at. */
  readonly tickMs: number;
  /** How long one read of the logs waits. */
  readonly blockMs: number;
  readonly report: Reporter;
}

/** What suits every cluster; a caller spreads it and overrides what it must. */
export const FOLLOWER_DEFAULTS = {
  silenceMs: 10_000,
  lateMs: 3000,
  tickMs: 1000,
  blockMs: 500,
  random: Math.random,
} as const satisfies Partial<FollowerOptions>;

const RETRY: BackoffPolicy = { baseMs: 100, maxMs: 1000 };
/** After this part of the silence without any answer, the connection was not sound: 3 s of 10 s. */
const GAP_SHARE = 0.3;

/**
 * Reads what all other members say and keeps the last good word of each, in memory and on disk. A store that
 * withholds, alters, mixes up or turns back anything changes no view; it shows in the views' `problem`.
 */
export class StoreFollower {
  readonly #options: FollowerOptions;
  readonly #disk: PeerDisk;
  readonly #peers = new Map<ClusterName, FollowedPeer>();
  readonly #listeners = new Set<PeerListener>();
  readonly #soundness: Soundness;
  readonly #looks: WorkQueue;
  readonly #ticking: Signal;
  readonly #reading: Signal;
  readonly #unwatch: () => void;
  #running: Promise<unknown> = Promise.resolve();
  /** Since the store came up. */
  #membersRead = false;
  #toldOfLongName = false;
  #closed = false;

  private constructor(options: FollowerOptions, disk: PeerDisk) {
    this.#options = options;
    this.#disk = disk;
    this.#soundness = new Soundness(GAP_SHARE * options.silenceMs);
    this.#ticking = new Signal(options.clock);
    this.#reading = new Signal(options.clock);
    const { clock, random } = options;
    this.#looks = new WorkQueue((cluster) => this.#look(cluster), {
      clock,
      random,
      backoff: RETRY,
      onFailure: (cluster, failure) => this.#onStoreFailure(cluster, failure),
    });
    this.#unwatch = options.driver.state.watch((state) => this.#onStoreState(state));
  }

  /**
   * Begins with the copies on disk: `views` has them when this resolves.
   * @throws UserError when the folder cannot be used or belongs to another cluster.
   */
  static async open(options: FollowerOptions): Promise<StoreFollower> {
    const { folder, local, clock } = options;
    const follower = new StoreFollower(options, await PeerDisk.open({ folder, local, clock }));
    await follower.#restore();
    follower.#running = Promise.all([follower.#readLogs(), follower.#tick()]);
    return follower;
  }

  /** Every other member that was ever heard of. */
  get views(): ReadonlyMap<ClusterName, PeerView> {
    return this.#peers;
  }

  /**
   * The store is up, and the views have all that it has, of every name among its members: what is in none of them is
   * not there. False while one has no head at all, or what the store has of it is not taken.
   */
  get complete(): boolean {
    return this.#isStoreUp() && this.#membersRead && [...this.#peers.values()].every((peer) => peer.complete);
  }

  /** Members of which the view has all that the store has. */
  get heard(): readonly ClusterName[] {
    return [...this.#peers.values()].filter(({ complete }) => complete).map(({ cluster }) => cluster);
  }

  /** Why the newest state is not on disk. */
  get diskProblem(): Readable<UserError | undefined> {
    return this.#disk.problem;
  }

  /** Calls back after each change of a view; the returned function ends it. */
  watch(listener: PeerListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends within one read of the logs; what is not on disk yet is written. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#unwatch();
    this.#ticking.wake();
    this.#reading.wake();
    await this.#looks.close();
    await this.#running;
    await this.#disk.close();
  }

  async #restore(): Promise<void> {
    const { local, report } = this.#options;
    const warn = (cluster: ClusterName, message: string): void =>
      report({ severity: 'warning', cluster, topic: 'copy', message });
    for (const cluster of this.#disk.marks.keys()) this.#meet(cluster);
    for (const [cluster, copy] of await this.#disk.readCopies(warn)) {
      if (cluster === local.name) continue;
      try {
        this.#meet(cluster).restore(copy, this.#now());
      } catch (failure) {
        warn(cluster, `its last good copy is not usable: ${String(failure)}`);
      }
    }
  }

  /** One read for all peers at a time. */
  async #readLogs(): Promise<void> {
    for (let failures = 0; !this.#closed; ) {
      const positions = this.#isStoreUp() ? this.#positions() : new Map();
      if (positions.size === 0) {
        await this.#reading.sleep(this.#options.tickMs);
        continue;
      }
      try {
        const slices = await this.#options.driver.readLog(positions, this.#options.blockMs);
        failures = 0;
        const now = this.#now();
        this.#soundness.answered(now.monotonicMs);
        for (const { cluster, entries, position } of slices) this.#follow(cluster, entries, position, now);
      } catch (failure) {
        this.#onStoreFailure(this.#options.local.name, failure);
        await this.#reading.sleep(backoffMs(RETRY, failures++, this.#options.random));
      }
    }
  }

  #positions(): ReadonlyMap<ClusterName, string> {
    const positions = new Map<ClusterName, string>();
    for (const [cluster, { position }] of this.#peers) {
      if (position !== undefined) positions.set(cluster, position);
    }
    return positions;
  }

  #follow(
    cluster: ClusterName,
    entries: Parameters<FollowedPeer['follow']>[0],
    position: string,
    now: Now,
  ): void {
    const peer = this.#peers.get(cluster);
    if (peer === undefined) return;
    peer.position = position;
    peer.follow(entries, now);
    if (peer.wantsLook(now, this.#options.lateMs)) this.#looks.add(cluster);
  }

  async #tick(): Promise<void> {
    while (!this.#closed) {
      if (this.#isStoreUp()) await this.#readMembers();
      const now = this.#now();
      const soundSinceMs = this.#soundness.sinceMs(now.monotonicMs);
      for (const peer of this.#peers.values()) {
        peer.judge(now, this.#options.silenceMs, soundSinceMs);
        if (this.#isStoreUp() && peer.wantsLook(now, this.#options.lateMs)) this.#looks.add(peer.cluster);
      }
      await this.#ticking.sleep(this.#options.tickMs);
    }
  }

  async #readMembers(): Promise<void> {
    try {
      const members = await this.#options.driver.members();
      this.#soundness.answered(this.#now().monotonicMs);
      for (const member of members) {
        if (isDnsLabel(member) && member !== this.#options.local.name) this.#meetNew(member);
      }
      this.#membersRead = true;
    } catch (failure) {
      this.#onStoreFailure(this.#options.local.name, failure);
    }
  }

  /** Names that never said anything make room: anyone may have filled `members` with them. */
  #meetNew(cluster: ClusterName): void {
    if (this.#peers.has(cluster) || !this.#canBeMember(cluster)) return;
    if (this.#peers.size >= MAX_MEMBERS) {
      const silent = [...this.#peers.values()].find(
        (peer) => peer.head === undefined && !this.#disk.marks.has(peer.cluster),
      );
      if (silent === undefined) return;
      this.#peers.delete(silent.cluster);
    }
    this.#meet(cluster);
  }

  /** Told once: such a name in the store is a mistake or mischief, and stays there. */
  #canBeMember(cluster: ClusterName): boolean {
    const { local, report } = this.#options;
    if (fitsTrustDomain(cluster, local.clusterset)) return true;
    if (!this.#toldOfLongName) {
      const message = `${cluster} among the members is passed over: it is too long for clusterset ${local.clusterset}`;
      report({ severity: 'warning', cluster: local.name, topic: 'members', message });
    }
    this.#toldOfLongName = true;
    return false;
  }

  #meet(cluster: ClusterName): FollowedPeer {
    const known = this.#peers.get(cluster);
    if (known !== undefined) return known;
    const replica = new PeerReplica(cluster, this.#options.verifier, this.#disk.marks.get(cluster));
    const peer: FollowedPeer = new FollowedPeer(replica, (change) => this.#onChange(peer, replica, change));
    this.#peers.set(cluster, peer);
    return peer;
  }

  async #look(cluster: ClusterName): Promise<void> {
    const peer = this.#peers.get(cluster);
    if (peer === undefined || this.#closed) return;
    const { driver } = this.#options;
    try {
      const stored = await driver.readHead(cluster);
      if (!peer.look(stored, this.#now())) peer.load(await driver.readAll(cluster), this.#now());
    } catch (failure) {
      if (!(failure instanceof StoreLimitError)) throw failure;
      peer.refuse(failure.message);
    }
    this.#reading.wake();
  }

  /** Each accepted head comes by here, plain heartbeats too. */
  #onChange(peer: FollowedPeer, replica: PeerReplica, change: PeerChange): void {
    const { cluster } = peer;
    this.#disk.raise(cluster, replica.mark);
    if (change.records.length > 0 || change.head) {
      this.#disk.saveCopy(cluster, peer.records.size, () => peer.copy);
    }
    this.#reportChange(peer, change);
    if (change.records.length === 0 && !change.head && !change.reach && !change.problem) return;
    for (const listener of [...this.#listeners]) listener(cluster, change);
  }

  #reportChange({ cluster, problem, reach }: FollowedPeer, change: PeerChange): void {
    const { report } = this.#options;
    if (change.problem) {
      const severity = problem === undefined ? 'info' : 'warning';
      report({ severity, cluster, topic: 'word', message: problem ?? 'what it says can be believed again' });
    }
    if (change.reach) {
      const severity = reach === 'unreachable' ? 'warning' : 'info';
      report({ severity, cluster, topic: 'reach', message: `is ${reach}` });
    }
  }

  #onStoreState(state: 'up' | 'down'): void {
    if (state === 'down') {
      this.#soundness.broken();
      this.#membersRead = false;
      return;
    }
    for (const peer of this.#peers.values()) peer.lookSoon();
    this.#ticking.wake();
    this.#reading.wake();
  }

  #isStoreUp(): boolean {
    return this.#options.driver.state.value === 'up';
  }

  /** Of no one peer: the driver's state and problem tell it; silence is not judged until it answers again. */
  #onStoreFailure(cluster: ClusterName, failure: unknown): void {
    this.#soundness.broken();
    if (this.#options.driver.problem.value !== undefined) return;
    this.#options.report({
      severity: 'warning',
      cluster,
      topic: 'reading',
      message: `the store could not be read: ${String(failure)}`,
    });
  }

  #now(): Now {
    return { unixMs: this.#options.clock.now(), monotonicMs: this.#options.clock.monotonic() };
  }
}
