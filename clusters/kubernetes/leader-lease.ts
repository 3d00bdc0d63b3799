import { z } from 'zod';
import type { Standing } from '../../federation/model/standing.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import { pause, whenAborted } from '../../federation/runtime/pause.ts';
import { type Readable, Watchable } from '../../federation/runtime/watchable.ts';
import type { KubeClient } from './kube-client.ts';
import { KubeError } from './kube-error.ts';
import { decide, LEASE_TIMES, type LeaseState, type LeaseTimes, mayTake, observe } from './lease-state.ts';
import type { ResourceType } from './resource-type.ts';

const LEASES: ResourceType = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  namespaced: true,
};

export interface LeaderLeaseOptions {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'update' | 'apply' | 'onReturn'>;
  readonly namespace: string;
  readonly name: string;
  /** Ours alone. One that a process before us had is good where that is certainly gone: it need not wait for itself. */
  readonly identity: string;
  readonly clock: Clock;
  /** Gives 0 ≤ x < 1. */
  readonly random: () => number;
  readonly times?: LeaseTimes;
}

/** What the lease says of who leads. */
export interface Election {
  readonly standing: Standing;
  /** As far as we saw; undefined = nobody, or not known. */
  readonly holder: string | undefined;
  /** Why the API server could not be asked the last time. */
  readonly problem: string | undefined;
}

const lease = z.looseObject({
  metadata: z.looseObject({
    resourceVersion: z.string(),
    annotations: z.record(z.string(), z.string()).nullish(),
  }),
  spec: z
    .looseObject({
      holderIdentity: z.string().nullish(),
      leaseDurationSeconds: z.number().nullish(),
      acquireTime: z.string().nullish(),
      leaseTransitions: z.number().nullish(),
    })
    .default({}),
});

type Lease = z.infer<typeof lease>;

/** Names the replica that asks whoever leads to make way; it goes when that one leads. */
const SUCCESSOR = 'isthmus.io/successor';
const SUCCESSION = 'isthmus-successor';
const REQUEST_TIMEOUT_MS = 5000;
/** Retries of many replicas drift apart by up to this part. */
const JITTER = 0.2;

/**
 * Elects one of several replicas by a `coordination.k8s.io/v1` Lease, as client-go does: whoever holds it renews it, and
 * stops leading (10 s) well before the others may take it (15 s), each by its own clock.
 */
export class LeaderLease {
  readonly #options: LeaderLeaseOptions;
  readonly #times: LeaseTimes;
  readonly #election = new Watchable<Election>({
    standing: 'unheard',
    holder: undefined,
    problem: undefined,
  });
  readonly #elected = new Watchable(false);
  readonly #standing = new Watchable<Standing>('unheard');
  readonly #stop: () => void;
  /** Since the request under way was sent. */
  #returned = false;
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;
  #state: LeaseState = { kind: 'candidate', seen: undefined, tryAtMs: 0 };
  /** As it was read or written last. */
  #lease: Lease | undefined;

  constructor(options: LeaderLeaseOptions) {
    this.#options = options;
    this.#times = options.times ?? LEASE_TIMES;
    this.#stop = options.client.onReturn(() => {
      this.#returned = true;
      this.#state = { ...this.#state, tryAtMs: options.clock.monotonic() };
    });
    this.#running = this.#run();
  }

  /** Whether we hold it: true only while nobody else can. For what must be written by one alone. */
  get elected(): Readable<boolean> {
    return this.#elected;
  }

  get standing(): Readable<Standing> {
    return this.#standing;
  }

  get election(): Readable<Election> {
    return this.#election;
  }

  /** Whether we lead at this very moment: also right after this process stood still, when nobody was told yet. */
  mayAct(): boolean {
    return this.#state.kind === 'leader' && this.#decide().kind !== 'step-down';
  }

  /**
   * Asks whoever leads to make way for us. @returns whether we lead; false after `timeoutMs`, though it may come yet
   * @throws KubeError
   */
  async takeOver(timeoutMs: number): Promise<boolean> {
    const { client, clock, namespace, name, identity } = this.#options;
    if (this.#elected.value) return true;
    const endMs = clock.monotonic() + timeoutMs;
    const metadata = { name, namespace, annotations: { [SUCCESSOR]: identity } };
    const object = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata };
    await client.apply(LEASES, object, { fieldManager: SUCCESSION, timeoutMs });
    const { promise, resolve } = Promise.withResolvers<void>();
    const ends = [
      this.#elected.watch(() => resolve()),
      clock.after(Math.max(0, endMs - clock.monotonic()), resolve),
    ];
    if (!this.#elected.value) await promise;
    for (const end of ends) end();
    return this.#elected.value;
  }

  /** Gives it back, so that another need not wait. A lease that cannot be given back ends by itself. */
  async close(): Promise<void> {
    this.#abort.abort();
    this.#stop();
    await this.#running;
    this.#elected.set(false);
    this.#standing.set('not-elected');
    if (this.#state.kind !== 'leader') return;
    this.#state = { kind: 'candidate', seen: undefined, tryAtMs: Number.POSITIVE_INFINITY };
    try {
      this.#lease = await this.#read(REQUEST_TIMEOUT_MS);
      if (this.#lease?.spec.holderIdentity === this.#options.identity) {
        await this.#write({ holderIdentity: '', leaseDurationSeconds: 1 }, REQUEST_TIMEOUT_MS);
      }
      this.#show('not-elected', undefined, undefined);
    } catch (failure) {
      this.#show('not-elected', undefined, failure);
    }
  }

  #decide() {
    return decide(this.#options.clock.monotonic(), this.#state, this.#times);
  }

  async #run(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      const step = this.#decide();
      if (step.kind === 'wait') await this.#pause(step.untilMs);
      else if (step.kind === 'look') await this.#try(() => this.#look());
      else if (step.kind === 'renew') await this.#try(() => this.#renew(step.withinMs));
      else this.#becomeCandidate('unheard');
    }
  }

  #pause(untilMs: number): Promise<void> {
    const { clock, client } = this.#options;
    const delayMs = untilMs - clock.monotonic();
    return pause(clock, delayMs, whenAborted(this.#abort.signal), (wake) => client.onReturn(wake));
  }

  /** What fails is tried again after the usual time; a leader's deadline goes on meanwhile. */
  async #try(act: () => Promise<void>): Promise<void> {
    this.#returned = false;
    try {
      await act();
    } catch (failure) {
      if (this.#abort.signal.aborted) return;
      // What was under way when the API server came back may have been given up for that.
      const tryAtMs = this.#returned ? this.#options.clock.monotonic() : this.#nextTryMs();
      this.#state = { ...this.#state, tryAtMs };
      const { standing, holder } = this.#election.value;
      this.#show(standing, holder, failure);
    }
  }

  async #look(): Promise<void> {
    const { clock, identity } = this.#options;
    const found = await this.#read(REQUEST_TIMEOUT_MS);
    const nowMs = clock.monotonic();
    if (found === undefined) return await this.#claim(undefined);
    const before = this.#state.kind === 'candidate' ? this.#state.seen : undefined;
    const now = {
      resourceVersion: found.metadata.resourceVersion,
      // What was given up for one replica is that one's before it is anybody's.
      holder: found.spec.holderIdentity || (successorOf(found) ?? ''),
      offered: !found.spec.holderIdentity,
      durationMs: (found.spec.leaseDurationSeconds ?? 0) * 1000,
    };
    const seen = observe(nowMs, before, now, this.#times);
    this.#state = { kind: 'candidate', seen, tryAtMs: this.#nextTryMs() };
    const taking = mayTake(nowMs, seen, identity, this.#times);
    // One of our own, or of nobody, says nothing against us before somebody else has claimed it.
    const standing = taking ? this.#election.value.standing : 'not-elected';
    this.#show(standing, seen.holder === '' ? undefined : seen.holder, undefined);
    if (taking) await this.#claim(found);
  }

  /** Of several that claim it at once, the API server lets one through. */
  async #claim(found: Lease | undefined): Promise<void> {
    const { identity, clock } = this.#options;
    this.#lease = found;
    const sentAtMs = clock.monotonic();
    const transitions = found === undefined ? 0 : (found.spec.leaseTransitions ?? 0) + 1;
    const acquired = { leaseTransitions: transitions, acquireTime: microTime(clock.now()) };
    try {
      await this.#write({ holderIdentity: identity, ...acquired }, REQUEST_TIMEOUT_MS);
    } catch (failure) {
      if (!KubeError.isConflict(failure)) throw failure;
      this.#state = { ...this.#state, tryAtMs: this.#nextTryMs() };
      this.#show('not-elected', undefined, undefined);
      return;
    }
    this.#lead(sentAtMs);
  }

  async #renew(withinMs: number): Promise<void> {
    const { identity, clock } = this.#options;
    const timeoutMs = Math.min(REQUEST_TIMEOUT_MS, Math.ceil(withinMs));
    const sentAtMs = clock.monotonic();
    try {
      await this.#write({ holderIdentity: identity }, timeoutMs);
    } catch (failure) {
      if (!KubeError.isConflict(failure) && !KubeError.isNotFound(failure)) throw failure;
      // Perhaps by a renewal of ours whose answer was lost.
      this.#lease = await this.#read(timeoutMs);
      if (this.#lease?.spec.holderIdentity !== identity) this.#becomeCandidate('not-elected');
      else if ((successorOf(this.#lease) ?? identity) !== identity) await this.#makeWay(timeoutMs);
      else this.#state = { ...this.#state, tryAtMs: sentAtMs };
      return;
    }
    this.#lead(sentAtMs);
  }

  /** Leads no more before anybody else may. */
  async #makeWay(timeoutMs: number): Promise<void> {
    this.#becomeCandidate('not-elected');
    await this.#write({ holderIdentity: '' }, timeoutMs);
  }

  async #write(spec: Readonly<Record<string, unknown>>, timeoutMs: number): Promise<void> {
    const { client, clock, namespace, name } = this.#options;
    const before = this.#lease;
    const head = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };
    const leaseDurationSeconds = Math.ceil(this.#times.durationMs / 1000);
    const times = { leaseDurationSeconds, renewTime: microTime(clock.now()) };
    const limits = this.#limits(timeoutMs);
    if (before === undefined) {
      const metadata = { name, namespace, labels: { 'app.kubernetes.io/managed-by': 'isthmus' } };
      const made = await client.create(LEASES, { ...head, metadata, spec: { ...times, ...spec } }, limits);
      this.#lease = lease.parse(made);
      return;
    }
    const annotations = { ...before.metadata.annotations };
    if (spec.holderIdentity !== '') delete annotations[SUCCESSOR];
    const metadata = { ...before.metadata, annotations, name, namespace };
    const object = { ...before, ...head, metadata, spec: { ...before.spec, ...times, ...spec } };
    this.#lease = lease.parse(await client.update(LEASES, object, limits));
  }

  /** undefined where there is none. */
  async #read(timeoutMs: number): Promise<Lease | undefined> {
    const { client, namespace, name } = this.#options;
    try {
      return lease.parse(await client.get(LEASES, { namespace, name }, this.#limits(timeoutMs)));
    } catch (failure) {
      if (KubeError.isNotFound(failure)) return undefined;
      throw failure;
    }
  }

  /** A process that stood still since then may have been followed by another. */
  #lead(renewedAtMs: number): void {
    const { clock, identity } = this.#options;
    if (clock.monotonic() - renewedAtMs >= this.#times.renewDeadlineMs) {
      this.#becomeCandidate('unheard');
      return;
    }
    this.#state = { kind: 'leader', renewedAtMs, tryAtMs: this.#nextTryMs() };
    this.#show('elected', identity, undefined);
  }

  #becomeCandidate(standing: Exclude<Standing, 'elected'>): void {
    this.#state = { kind: 'candidate', seen: undefined, tryAtMs: this.#nextTryMs() };
    this.#show(standing, undefined, this.#election.value.problem);
  }

  #show(standing: Standing, holder: string | undefined, failure: unknown): void {
    const problem =
      failure === undefined ? undefined : String(failure instanceof Error ? failure.message : failure);
    const before = this.#election.value;
    if (before.standing !== standing || before.holder !== holder || before.problem !== problem) {
      this.#election.set({ standing, holder, problem });
    }
    this.#standing.set(standing);
    this.#elected.set(standing === 'elected');
  }

  /** Closing does not break off what gives the lease back, only what is under way before. */
  #limits(timeoutMs: number) {
    const { signal } = this.#abort;
    return signal.aborted ? { timeoutMs } : { timeoutMs, signal };
  }

  #nextTryMs(): number {
    const { clock, random } = this.#options;
    return clock.monotonic() + this.#times.retryMs * (1 + JITTER * random());
  }
}

function successorOf({ metadata }: Lease): string | undefined {
  return metadata.annotations?.[SUCCESSOR];
}

/** Kubernetes' MicroTime. */
function microTime(nowMs: number): string {
  return new Date(nowMs).toISOString().replace('Z', '000Z');
}
