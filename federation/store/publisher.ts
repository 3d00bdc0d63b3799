import { randomUUID } from 'node:crypto';
import type { GatewayAddress, LocalCluster } from '../model/cluster.ts';
import type { Drain } from '../model/drain.ts';
import type { ServiceKey, ServiceRecord } from '../model/service.ts';
import type { Standing } from '../model/standing.ts';
import { UserError } from '../model/user-error.ts';
import { type BackoffPolicy, backoffMs } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { type Readable, Watchable } from '../runtime/watchable.ts';
import { ClusterWriter } from './cluster-writer.ts';
import type { StoreDriver } from './driver.ts';
import { failureText } from './failure-text.ts';
import type { HeadContent, HeadSigner, HeadVerifier } from './head.ts';
import { LastWord } from './last-word.ts';
import { Publication } from './publication.ts';
import { PublisherMemory } from './publisher-memory.ts';
import {
  type Leadership,
  mandateAfter,
  nextStep,
  type PublisherState,
  type Step,
  shownState,
  type WaitingKind,
} from './publisher-state.ts';
import type { Reporter } from './report.ts';
import { Signal } from './signal.ts';

/** Who decides which replica of a cluster's federation service writes. */
export type Election =
  /** The store, by a lease on a key of its own. */
  | { readonly kind: 'store'; readonly leaseTtlMs: number }
  /** Somebody else, e.g. a Kubernetes Lease; while that cannot be heard, the one who writes goes on. */
  | {
      readonly kind: 'external';
      readonly standing: Readable<Standing>;
      /** Has whoever is elected make way for this replica. @returns whether this one is elected now */
      readonly takeOver?: (timeoutMs: number) => Promise<boolean>;
    };

export interface PublisherOptions {
  readonly driver: StoreDriver;
  readonly local: LocalCluster;
  readonly gateways: Readable<readonly GatewayAddress[]>;
  readonly bundleSequence: Readable<number>;
  /** Of the cluster as a whole. */
  readonly drain?: Readable<Drain | undefined>;
  /** Told once, before anything is written: the cluster's last word in the store, where it is one and its own. */
  readonly onOwnHead?: (head: HeadContent | undefined) => void;
  /** undefined until the cluster's federation service has its SVID. */
  readonly signer: Readable<HeadSigner | undefined>;
  readonly verifier: HeadVerifier;
  readonly clock: Clock;
  readonly random: () => number;
  readonly election: Election;
  /** Where the process keeps its name and last epoch; without it a restart waits for its own old lease. */
  readonly folder: string | undefined;
  /** How long additions wait for company, and withdrawals after another write; at most 50. */
  readonly batchWindowMs: number;
  /** How long the next batch waits after one of many changes; at most 50. */
  readonly busyWindowMs: number;
  readonly heartbeatMs: number;
  /** How often a part of what is in the store is compared with what was written. */
  readonly auditMs: number;
  /** How long a replica that does not lead waits until it tries again. */
  readonly standbyTryMs: number;
  readonly report: Reporter;
}

/** What suits every cluster; a caller spreads it and overrides what it must. */
export const PUBLISHER_DEFAULTS = {
  election: { kind: 'store', leaseTtlMs: 6000 },
  batchWindowMs: 20,
  busyWindowMs: 50,
  heartbeatMs: 2000,
  auditMs: 2000,
  standbyTryMs: 1000,
  random: Math.random,
  folder: undefined,
} as const satisfies Partial<PublisherOptions>;

const RETRY: BackoffPolicy = { baseMs: 100, maxMs: 1000 };
const LONGEST_SLEEP_MS = 60_000;

/**
 * Keeps the store's copy of this cluster's services what it should be: elects itself, batches changes under
 * signed heads, and writes everything again when the store lost or changed it. Never throws out of its loop; what
 * goes wrong is in `problem`, and pending changes are kept until the store took them.
 */
export class StorePublisher {
  readonly #options: PublisherOptions;
  readonly #publication = new Publication();
  readonly #memory: PublisherMemory;
  readonly #writer: ClusterWriter;
  readonly #signal: Signal;
  readonly #state = new Watchable<PublisherState>({ kind: 'awaiting-services' });
  readonly #problem = new Watchable<UserError | undefined>(undefined);
  readonly #unwatch: readonly (() => void)[];
  readonly #running: Promise<void>;
  #leadership: Leadership = { kind: 'follower', leader: undefined, tryAtMs: 0 };
  /** May become, and stay, the writer. */
  #mandate: boolean;
  #servicesKnown = false;
  readonly #lastWord = new LastWord();
  /** Changed facts wait for a head of their own. */
  #announcing = false;
  /** By service, why its record is not published as it is. */
  readonly #unfit = new Map<ServiceKey, string>();
  #failures = 0;
  #closed = false;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#signal = new Signal(options.clock);
    this.#memory = new PublisherMemory(options.folder, randomUUID(), (message) => this.#warn(message));
    this.#writer = this.#makeWriter();
    const { election } = options;
    this.#mandate = election.kind === 'store' || election.standing.value === 'elected';
    this.#unwatch = [
      options.signer.watch(() => this.#signal.wake()),
      options.gateways.watch(() => this.#announce()),
      options.bundleSequence.watch(() => this.#announce()),
      ...(options.drain === undefined ? [] : [options.drain.watch(() => this.#announce())]),
      options.driver.state.watch(() => this.#retryNow()),
      ...(election.kind === 'external' ? [election.standing.watch(() => this.#judge(false))] : []),
    ];
    this.#running = this.#run();
  }

  get state(): Readable<PublisherState> {
    return this.#state;
  }

  /** Why nothing, or not the newest, is published. */
  get problem(): Readable<UserError | undefined> {
    return this.#problem;
  }

  /** Services that are not published as they are, and why; at most the first hundred. */
  get omissions(): readonly string[] {
    return [...this.#unfit].slice(0, 100).map(([key, reason]) => unfit(key, reason));
  }

  /** Whether the store has, or had when it was last heard, anything of a service from us. */
  isPublished(key: ServiceKey): boolean {
    return this.#publication.stored.has(key);
  }

  /** Changes that the store has not taken yet. */
  get pendingCount(): number {
    return this.#publication.pendingCount;
  }

  /** The whole set. Nothing is published before the first call, for absence is a statement too. */
  replace(records: ReadonlyMap<ServiceKey, ServiceRecord>): void {
    if (this.#lastWord.isGiven) {
      this.#lastWord.replace(records);
      return;
    }
    this.#replace(records);
    this.#servicesKnown = true;
    this.#signal.wake();
  }

  #replace(records: ReadonlyMap<ServiceKey, ServiceRecord>): void {
    const nowMs = this.#options.clock.monotonic();
    for (const key of this.#unfit.keys()) if (!records.has(key)) this.#unfit.delete(key);
    for (const key of this.#publication.wantedKeys()) {
      if (!records.has(key)) this.#publication.delete(key, nowMs);
    }
    for (const [key, record] of records) this.#want(key, record);
  }

  set(key: ServiceKey, record: ServiceRecord): void {
    if (this.#lastWord.isGiven) {
      this.#lastWord.set(key, record);
      return;
    }
    this.#want(key, record);
    this.#signal.wake();
  }

  delete(key: ServiceKey): void {
    if (this.#lastWord.isGiven) {
      this.#lastWord.delete(key);
      return;
    }
    this.#publication.delete(key, this.#options.clock.monotonic());
    this.#unfit.delete(key);
    this.#signal.wake();
  }

  /**
   * Withdraws everything and says that the cluster has left. Nothing that is set later is published, until another may
   * write: what that one publishes takes the last word back. @returns whether the store took that; false when another may write now, who was not told
   */
  leave(): Promise<boolean> {
    const taken = this.#lastWord.give(this.#servicesKnown ? this.#publication.wanted() : undefined);
    this.#replace(new Map());
    this.#servicesKnown = true;
    this.#announce();
    return taken;
  }

  /** Gives the lease back, so that another replica need not wait for its end. What is published stays. */
  async close(): Promise<void> {
    if (this.#closed) return this.#running;
    this.#closed = true;
    for (const stop of this.#unwatch) stop();
    this.#signal.wake();
    await this.#running;
    await this.#resign();
    this.#lastWord.drop();
    this.#state.set({ kind: 'closed' });
  }

  /** Readers would refuse a whole head over one bad record: it is left out, and what was there before stays. */
  #want(key: ServiceKey, record: ServiceRecord): void {
    try {
      this.#publication.set(key, record, this.#options.clock.monotonic());
      this.#unfit.delete(key);
    } catch (failure) {
      const reason = failureText(failure);
      if (this.#unfit.get(key) !== reason) this.#warn(unfit(key, reason));
      this.#unfit.set(key, reason);
    }
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      this.#yield();
      const nowMs = this.#options.clock.monotonic();
      const step = this.#nextStep(nowMs);
      if (step.kind === 'wait') {
        this.#show(step.state);
        await this.#signal.sleep(Math.min(step.untilMs - nowMs, LONGEST_SLEEP_MS));
      } else {
        await this.#take(step);
      }
    }
  }

  #nextStep(nowMs: number): Step {
    const { signer, driver, batchWindowMs } = this.#options;
    return nextStep(nowMs, {
      leadership: this.#leadership,
      servicesKnown: this.#servicesKnown,
      identityKnown: signer.value !== undefined,
      storeUp: driver.state.value === 'up',
      recalled: this.#writer.recalled,
      mayLead: this.#mandate,
      announcing: this.#announcing,
      batchDueMs: this.#publication.dueMs(batchWindowMs),
    });
  }

  async #take(step: Exclude<Step, { kind: 'wait' }>): Promise<void> {
    const left = this.#lastWord.isOrdered;
    if (step.kind === 'commit') this.#announcing = false;
    try {
      this.#leadership = await this.#perform(step);
      if (this.#isOvertaken()) {
        this.#judge(true);
        this.#dropOrder();
      }
      this.#failures = 0;
      this.#problem.set(undefined);
      const written = step.kind === 'commit' && this.#leadership.kind === 'leader';
      if (left && written && this.#publication.pendingCount === 0) this.#lastWord.say();
    } catch (failure) {
      this.#onFailure(failure);
    }
  }

  #perform(step: Exclude<Step, { kind: 'wait' }>): Promise<Leadership> {
    switch (step.kind) {
      case 'recall':
        return this.#writer.recall();
      case 'acquire':
        return this.#writer.acquire();
      case 'synchronize':
        return this.#writer.synchronize(step.epoch);
      case 'commit':
        return this.#writer.commit(step.leading);
    }
  }

  /** Whether the store took the last write is not known: it is read before the next one. */
  #onFailure(failure: unknown): void {
    const tryAtMs =
      this.#options.clock.monotonic() + backoffMs(RETRY, this.#failures++, this.#options.random);
    this.#leadership =
      this.#leadership.kind === 'follower'
        ? { ...this.#leadership, tryAtMs }
        : { kind: 'unsure', epoch: this.#leadership.epoch, tryAtMs };
    const error =
      failure instanceof UserError
        ? failure
        : new UserError(`${this.#options.local.name} could not publish: ${String(failure)}`, {
            cause: failure,
          });
    if (this.#problem.value?.message !== error.message) this.#warn(error.message);
    this.#problem.set(error);
  }

  #show(kind: WaitingKind): void {
    const { issuedAtMs } = this.#writer;
    this.#state.set(
      shownState(this.#state.value, kind, this.#leadership, this.#publication.version, issuedAtMs),
    );
  }

  /** What heads say has changed: the next one is due now. */
  #announce(): void {
    this.#announcing = true;
    this.#signal.wake();
  }

  #retryNow(): void {
    this.#failures = 0;
    if (this.#leadership.kind !== 'leader') this.#leadership = { ...this.#leadership, tryAtMs: 0 };
    this.#signal.wake();
  }

  /** The store knows another writer, who came later. */
  #isOvertaken(): boolean {
    return this.#leadership.kind === 'follower' && this.#leadership.leader !== undefined;
  }

  #judge(overtaken: boolean): void {
    const { election } = this.#options;
    if (election.kind === 'external') {
      const writes = this.#mandate && this.#leadership.kind !== 'follower';
      this.#mandate = mandateAfter(writes, election.standing.value, overtaken);
      if (!this.#mandate) this.#dropOrder();
    }
    this.#signal.wake();
  }

  /** Another writes now: to carry it out when this one may again would be to leave much later, by surprise. */
  #dropOrder(): void {
    if (!this.#lastWord.isGiven) return;
    this.#warn(
      this.#lastWord.isOrdered
        ? 'the order to leave is dropped, for another replica may write now: give it again'
        : 'the cluster had left, but another replica may write now, and publishes again: give the order to leave again',
    );
    const records = this.#lastWord.drop();
    if (records === undefined) this.#servicesKnown = false;
    else this.#replace(records);
  }

  /** Without a mandate any more: also when that came while a step was under way. */
  #yield(): void {
    if (this.#mandate) return;
    this.#leadership = { kind: 'follower', leader: undefined, tryAtMs: 0 };
  }

  async #resign(): Promise<void> {
    if (this.#leadership.kind === 'follower' || this.#options.election.kind !== 'store') return;
    try {
      await this.#options.driver.release(this.#options.local.name, await this.#memory.holder());
    } catch (failure) {
      this.#warn(`the lease could not be given back, it ends by itself: ${String(failure)}`);
    }
  }

  #warn(message: string): void {
    const { report, local } = this.#options;
    report({ severity: 'warning', cluster: local.name, topic: 'writing', message });
  }

  #makeWriter(): ClusterWriter {
    const { election, signer, standbyTryMs, random, ...options } = this.#options;
    return new ClusterWriter({
      ...options,
      publication: this.#publication,
      memory: this.#memory,
      leaseTtlMs: election.kind === 'store' ? election.leaseTtlMs : undefined,
      standbyTryMs: () => standbyTryMs * (0.75 + random() / 2),
      signer: () => {
        if (signer.value === undefined) throw new Error('the SVID to sign with is gone');
        return signer.value;
      },
      facts: () => ({
        gateways: options.gateways.value,
        bundleSequence: options.bundleSequence.value,
        ...(this.#lastWord.isGiven ? { left: true } : {}),
        ...(options.drain?.value && { drain: options.drain.value }),
      }),
    });
  }
}

function unfit(key: ServiceKey, reason: string): string {
  return `${key} is not published as it is: ${reason}`;
}
