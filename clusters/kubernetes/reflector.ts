import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import type { Clock } from '../../federation/runtime/clock.ts';
import { pause, whenAborted } from '../../federation/runtime/pause.ts';
import { type Readable, Watchable } from '../../federation/runtime/watchable.ts';
import type { KubeClient, Selection } from './kube-client.ts';
import { KubeError } from './kube-error.ts';
import { advance, type FailureKind, type ReflectorEvent, type ReflectorState } from './reflector-state.ts';
import type { ResourceType } from './resource-type.ts';
import type { WatchEvent } from './watch-stream.ts';

/** `namespace/name`, or the name alone where there are no namespaces. */
export type ObjectKey = string;

/** How well a reflector knows what there is. */
export type ReflectorCondition =
  | { readonly kind: 'starting' }
  | { readonly kind: 'synced' }
  /** The API server does not have the kind: there are no such objects, as far as it says. */
  | { readonly kind: 'missing' }
  /** What was known stays; `message` says why there is nothing newer. */
  | { readonly kind: 'failing'; readonly message: string; readonly because: 'refused' | 'outage' | 'other' };

export type ReflectorClient = Pick<KubeClient, 'list' | 'watch' | 'onReturn'>;

export interface ReflectorOptions<T> {
  readonly client: ReflectorClient;
  /** The versions of one kind, the best first: the first that is served is taken. */
  readonly types: readonly [ResourceType, ...ResourceType[]];
  readonly selection?: Selection;
  /** Asks only for the objects' metadata. */
  readonly metadataOnly?: boolean;
  readonly clock: Clock;
  /** Gives 0 ≤ x < 1. */
  readonly random: () => number;
  /** What is kept of an object: it stays in memory. undefined = nothing. */
  readonly keep: (object: unknown, type: ResourceType) => T | undefined;
  /** The objects of these keys are different now, or gone. Never called at the same time as another. */
  readonly changed: (keys: readonly ObjectKey[]) => void;
  /** All was listed, as of this version, and told: what is not known now was not there then. */
  readonly listed?: (resourceVersion: string) => void;
  /** After how long without a word a watch is not trusted any more. */
  readonly silenceMs?: number;
}

interface Kept<T> {
  readonly resourceVersion: string;
  readonly value: T;
}

const metadata = z.object({
  metadata: z.object({
    name: z.string().min(1),
    namespace: z.string().optional(),
    resourceVersion: z.string().min(1),
  }),
});
const bookmark = z.object({ metadata: z.object({ resourceVersion: z.string().min(1) }) });

/** The API server ends a watch after so long, which spreads them over its replicas; plus up to as much again. */
const WATCH_SECONDS = 300;
/** Objects of a page that are read in one turn of the event loop. */
const READ_AT_ONCE = 50;
/** Of ten thousand changes, those that are told in one turn. */
const TOLD_AT_ONCE = 500;
/** An API server that restarts is no problem to tell of; while it starts it refuses everybody until it has read its roles. */
const TOLD_FROM_ATTEMPTS: Partial<Record<FailureKind, number>> = { refused: 1, other: 2 };
const NEVER = Number.POSITIVE_INFINITY;

/**
 * The objects of one kind as they are in the cluster: one listing, then a watch that goes on from where it was. What it
 * knows is replaced by a new listing only when that is complete, and then as a difference: it is never empty because
 * the API server is away, slow, or has forgotten.
 */
export class Reflector<T> {
  /** Resolves when all objects are known, or it is known that there is no such kind. Not before `close` otherwise. */
  readonly ready: Promise<void>;
  readonly #options: ReflectorOptions<T>;
  readonly #kept = new Map<ObjectKey, Kept<T>>();
  readonly #condition = new Watchable<ReflectorCondition>({ kind: 'starting' });
  readonly #abort = new AbortController();
  readonly #running: Promise<void>;
  readonly #stop: () => void;
  /** Since the step under way began. */
  #returned = false;
  #state: ReflectorState = { kind: 'listing', attempt: 0 };
  #type: ResourceType;
  #becomeReady: () => void = () => undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#type = options.types[0];
    this.ready = new Promise((resolve) => {
      this.#becomeReady = resolve;
    });
    this.#stop = options.client.onReturn(() => {
      this.#returned = true;
    });
    this.#running = this.#run();
  }

  get condition(): Readable<ReflectorCondition> {
    return this.#condition;
  }

  /** Where it is, for a test or a dump of the state. */
  get state(): ReflectorState {
    return this.#state;
  }

  /** The version in which the kind was served last. */
  get type(): ResourceType {
    return this.#type;
  }

  get size(): number {
    return this.#kept.size;
  }

  get(key: ObjectKey): T | undefined {
    return this.#kept.get(key)?.value;
  }

  *entries(): Iterable<readonly [ObjectKey, T]> {
    for (const [key, { value }] of this.#kept) yield [key, value];
  }

  async close(): Promise<void> {
    this.#abort.abort();
    this.#stop();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#options;
    while (!this.#abort.signal.aborted) {
      this.#returned = false;
      const event = await this.#step(this.#state);
      // What was under way when the API server came back failed by the outage: it is no sign for what comes.
      if (this.#returned) this.#state = { ...this.#state, attempt: 0 };
      this.#state = advance(this.#state, event, clock.monotonic(), random);
    }
  }

  async #step(state: ReflectorState): Promise<ReflectorEvent> {
    try {
      if (state.kind === 'pausing') return await this.#pause(state.untilMs);
      if (state.kind === 'listing') return await this.#list();
      return await this.#watch(state.resourceVersion);
    } catch (failure) {
      return this.#failed(failure, state);
    }
  }

  async #pause(untilMs: number): Promise<ReflectorEvent> {
    const { clock, client } = this.#options;
    const delayMs = untilMs - clock.monotonic();
    await pause(clock, delayMs, whenAborted(this.#abort.signal), (wake) => client.onReturn(wake));
    return { kind: 'due' };
  }

  /** Of several versions the first that is served. */
  async #list(): Promise<ReflectorEvent> {
    const { types } = this.#options;
    for (const type of types) {
      try {
        return await this.#listAs(type);
      } catch (failure) {
        if (!KubeError.isNotFound(failure) || type === types.at(-1)) throw failure;
      }
    }
    throw new Error('a reflector has at least one type');
  }

  async #listAs(type: ResourceType): Promise<ReflectorEvent> {
    const { client, selection, metadataOnly } = this.#options;
    const { signal } = this.#abort;
    const found = new Map<ObjectKey, Kept<T> | undefined>();
    let resourceVersion = '';
    for await (const page of client.list(type, { ...selection, metadataOnly, signal })) {
      resourceVersion = page.resourceVersion;
      for (const object of page.items) {
        const read = this.#read(object, type);
        found.set(read.key, read.kept);
        // A page of large objects would keep a lease, or a gateway that asks, waiting.
        if (found.size % READ_AT_ONCE === 0) await setImmediate();
      }
    }
    this.#type = type;
    await this.#replace(found);
    this.#options.listed?.(resourceVersion);
    this.#condition.set({ kind: 'synced' });
    this.#becomeReady();
    return { kind: 'listed', resourceVersion };
  }

  async #replace(found: ReadonlyMap<ObjectKey, Kept<T> | undefined>): Promise<void> {
    const changed: ObjectKey[] = [];
    for (const key of this.#kept.keys()) {
      if (found.get(key) !== undefined) continue;
      this.#kept.delete(key);
      changed.push(key);
    }
    for (const [key, kept] of found) {
      if (kept === undefined || this.#kept.get(key) === kept) continue;
      this.#kept.set(key, kept);
      changed.push(key);
    }
    for (let from = 0; from < changed.length; from += TOLD_AT_ONCE) {
      this.#options.changed(changed.slice(from, from + TOLD_AT_ONCE));
      await setImmediate();
    }
  }

  async #watch(resourceVersion: string): Promise<ReflectorEvent> {
    const { client, selection, metadataOnly, silenceMs, random, clock } = this.#options;
    const events = client.watch(this.#type, {
      ...selection,
      metadataOnly,
      resourceVersion,
      silenceMs,
      timeoutSeconds: Math.floor(WATCH_SECONDS * (1 + random())),
      signal: this.#abort.signal,
      onOpen: () => this.#condition.value.kind === 'failing' && this.#condition.set({ kind: 'synced' }),
    });
    for await (const event of events) {
      const progressed = { kind: 'progressed' as const, resourceVersion: this.#take(event) };
      this.#state = advance(this.#state, progressed, clock.monotonic(), random);
    }
    return { kind: 'ended' };
  }

  /** @returns how far the watch has come */
  #take({ type, object }: WatchEvent): string {
    if (type === 'BOOKMARK') return checked(bookmark, object).metadata.resourceVersion;
    const { key, kept, resourceVersion } = this.#read(object, this.#type);
    const before = this.#kept.get(key);
    if (type === 'DELETED' || kept === undefined) this.#kept.delete(key);
    else this.#kept.set(key, kept);
    if (before !== this.#kept.get(key)) this.#options.changed([key]);
    return resourceVersion;
  }

  #read(
    object: unknown,
    type: ResourceType,
  ): { key: ObjectKey; resourceVersion: string; kept: Kept<T> | undefined } {
    const { name, namespace, resourceVersion } = checked(metadata, object).metadata;
    const key = namespace === undefined ? name : `${namespace}/${name}`;
    const before = this.#kept.get(key);
    if (before?.resourceVersion === resourceVersion) return { key, resourceVersion, kept: before };
    const value = this.#options.keep(object, type);
    return { key, resourceVersion, kept: value === undefined ? undefined : { resourceVersion, value } };
  }

  #failed(failure: unknown, state: ReflectorState): ReflectorEvent {
    const kind = failureKind(failure);
    const retryAfterMs = failure instanceof KubeError ? failure.retryAfterMs : undefined;
    if (this.#abort.signal.aborted) return { kind: 'failed', failure: kind, retryAfterMs };
    if (kind === 'missing') {
      this.#condition.set({ kind: 'missing' });
      this.#becomeReady();
    } else if (state.attempt >= (TOLD_FROM_ATTEMPTS[kind] ?? NEVER)) {
      this.#tell(failure, kind);
    }
    return { kind: 'failed', failure: kind, retryAfterMs };
  }

  /** In how many ways an API server does not answer is no news. */
  #tell(failure: unknown, kind: FailureKind): void {
    const message = failure instanceof Error ? failure.message : String(failure);
    const because = kind === 'refused' ? 'refused' : KubeError.isOutage(failure) ? 'outage' : 'other';
    const told = this.#condition.value;
    const same = told.kind === 'failing' && told.because === because;
    if (same && (because === 'outage' || told.message === message)) return;
    this.#condition.set({ kind: 'failing', message, because });
  }
}

/** Whatever is not the API server's own word counts as a failure that may pass. */
function failureKind(failure: unknown): FailureKind {
  if (!(failure instanceof KubeError)) return 'other';
  if (KubeError.isGone(failure)) return 'gone';
  if (failure.status === 404) return 'missing';
  if (failure.status === 401 || failure.status === 403) return 'refused';
  return failure.reason === 'Silent' ? 'silent' : 'other';
}

function checked<V>(schema: z.ZodType<V>, object: unknown): V {
  const result = schema.safeParse(object);
  if (result.success) return result.data;
  throw KubeError.transport('an object of the API', 'Malformed', 'it has no name or no resourceVersion');
}
