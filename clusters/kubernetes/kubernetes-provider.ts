import { z } from 'zod';
import type { Locality } from '../../federation/model/cluster.ts';
import { type Fields, isFields } from '../../federation/model/fields.ts';
import type { PodCaller } from '../files/caller-index.ts';
import { CHANGE_OF_KIND } from '../files/policy-index.ts';
import { type FileReading, type ResourceFile, readDocuments } from '../files/resource-file.ts';
import type { ProviderProblem } from '../provider.ts';
import { type ProviderState, ResourceProvider, type ResourceProviderOptions } from '../resource-provider.ts';
import { podSchema } from '../schema/pod-schema.ts';
import { nodePlace } from './node-places.ts';
import { objectDocument } from './object-document.ts';
import { type ObjectKey, Reflector, type ReflectorClient, type ReflectorCondition } from './reflector.ts';
import type { ResourceType } from './resource-type.ts';
import type { StatusObject } from './status/status-object.ts';
import { StatusObjects } from './status/status-objects.ts';
import { NODES, PODS, WATCHED_KINDS, type WatchedKind } from './watched-kinds.ts';

export interface KubernetesProviderOptions extends ResourceProviderOptions {
  readonly client: ReflectorClient;
  /** Gives 0 ≤ x < 1. */
  readonly random: () => number;
}

/** When an EndpointSlice changed, by the controller that wrote it. */
const TRIGGER_ANNOTATION = 'endpoints.kubernetes.io/last-change-trigger-time';
/** A time further back than this (a controller that was away, clocks apart) says nothing about now. */
const RECENT_MS = 10_000;

const STAYS = 'what was read before stays in force';

const outline = z.looseObject({
  metadata: z.looseObject({
    creationTimestamp: z.string().optional().catch(undefined),
    annotations: z.record(z.string(), z.unknown()).nullish().catch(undefined),
  }),
});

type Outline = z.infer<typeof outline>;

/** What the outline would let be as it is; it makes a copy of all that there is. */
function isInOutline(object: unknown): object is Outline {
  if (!isFields(object) || !isFields(object.metadata)) return false;
  const { creationTimestamp, annotations } = object.metadata;
  const hasTime = creationTimestamp === undefined || typeof creationTimestamp === 'string';
  return hasTime && (annotations == null || isFields(annotations));
}

/** What is kept of an object: what a file with it alone would hold, and what is needed to write its status. */
interface Held extends ResourceFile {
  readonly status?: StatusObject;
}

interface Followed {
  readonly watched: WatchedKind;
  readonly reflector: Reflector<Held>;
}

/**
 * What a cluster offers, from its Kubernetes API. Each object is read as a file with one object would be; its place is
 * `Kind/namespace/name`. A version that cannot be read is a problem, and the last good one stays in force.
 */
export class KubernetesProvider extends ResourceProvider {
  readonly ready: Promise<void>;
  /** The objects whose status is written, from the same watches: each is told there once it holds here. */
  readonly statuses = new StatusObjects();
  readonly #followed: readonly Followed[];
  readonly #nodes: Reflector<Partial<Locality>>;
  readonly #pods: Reflector<PodCaller>;
  #listed = false;

  private constructor(options: KubernetesProviderOptions, state: ProviderState) {
    // The reflector of nodes tells of changes, and needs the provider for that; until then nothing is known of nodes.
    super(options, state, { get: (name) => this.#nodes.get(name) });
    const { client, clock, random } = options;
    const common = { client, clock, random };
    this.#nodes = new Reflector({
      ...common,
      types: [NODES],
      metadataOnly: true,
      keep: nodePlace,
      // The endpoints of a node that is gone go by themselves, and need not be in another place before.
      changed: (names) => this.moved(new Set(names.filter((name) => this.#nodes.get(name) !== undefined))),
    });
    this.#pods = new Reflector({
      ...common,
      types: PODS.types,
      selection: { fieldSelector: PODS.fieldSelector },
      keep: (object) => {
        // The API server vouches for their form; one of another is nobody.
        const { data } = podSchema.safeParse({ ...(isFields(object) ? object : {}), kind: PODS.kind });
        return data && this.callerOf(data);
      },
      changed: (keys) => this.called(keys.map((key) => [key, this.#pods.get(key)])),
    });
    this.#followed = WATCHED_KINDS.map((watched) => ({ watched, reflector: this.#follow(watched, common) }));
    for (const { condition } of this.#reflectors()) condition.watch(() => this.problemsLater());
    this.ready = Promise.all(this.#reflectors().map(({ ready }) => ready)).then(() => {
      this.#listed = true;
      this.allRead();
      this.statuses.allRead();
      this.listProblems();
    });
  }

  #follow(
    watched: WatchedKind,
    common: Pick<KubernetesProviderOptions, 'client' | 'clock' | 'random'>,
  ): Reflector<Held> {
    const { kind, types, labelSelector } = watched;
    const reflector: Reflector<Held> = new Reflector({
      ...common,
      types,
      selection: { labelSelector },
      keep: (object, type) => {
        const file = this.#read(watched, object, type);
        const status = this.statuses.read(kind, type, object);
        return file && (status === undefined ? file : { ...file, status });
      },
      changed: (keys) => {
        this.replace(keys.map((key) => [pathOf(watched, key), reflector.get(key)]));
        this.statuses.take(kind, keys, (key) => reflector.get(key)?.status);
      },
    });
    return reflector;
  }

  static async open(options: KubernetesProviderOptions): Promise<KubernetesProvider> {
    return new KubernetesProvider(options, await ResourceProvider.begin(options, isWorthKeeping));
  }

  async close(): Promise<void> {
    await Promise.all(this.#reflectors().map((reflector) => reflector.close()));
    await this.end();
  }

  protected *ownProblems(): Iterable<ProviderProblem> {
    yield* this.#outage();
    for (const { watched, reflector } of [{ watched: PODS, reflector: this.#pods }, ...this.#followed]) {
      const problem = conditionProblem(watched, reflector.condition.value);
      if (problem !== undefined) yield { where: pathOf(watched, '*'), ...problem };
    }
    const nodes = this.#nodes.condition.value;
    if (nodes.kind !== 'failing' || nodes.because === 'outage') return;
    const hint = `${remedy(nodes)}; endpoints whose slices name no zone count as in the zone of the cluster`;
    yield { where: 'Node/*', message: nodes.message, hint };
  }

  /** Told once, not for each kind: nobody has to do fifteen things. */
  *#outage(): Iterable<ProviderProblem> {
    const away = this.#reflectors()
      .map(({ condition }) => condition.value)
      .find((value) => value.kind === 'failing' && value.because === 'outage');
    if (away?.kind !== 'failing') return;
    yield { where: 'the Kubernetes API', message: away.message, hint: `${remedy(away)}; ${STAYS}` };
  }

  #reflectors(): readonly Reflector<unknown>[] {
    return [this.#nodes, this.#pods, ...this.#followed.map(({ reflector }) => reflector)];
  }

  /** An object as what a file with it alone would hold. */
  #read(watched: WatchedKind, object: unknown, type: ResourceType): ResourceFile | undefined {
    const fields = isInOutline(object) ? object : outline.parse(object);
    const apiVersion = type.group === '' ? type.version : `${type.group}/${type.version}`;
    // Lists of Kubernetes' own kinds leave out what the list as a whole is of.
    const selected = (watched.select ?? same)({ ...fields, apiVersion, kind: watched.kind });
    if (selected === undefined) return undefined;
    const path = pathOf(watched, keyOf(fields.metadata));
    const nowMs = this.clock.now();
    const reading: FileReading = {
      changedAtMs: changeTime(fields.metadata.annotations?.[TRIGGER_ANNOTATION], nowMs),
      modifiedAtMs: nowMs,
      atStart: !this.#listed,
    };
    return readDocuments(path, [objectDocument(selected)], reading, this.held(path) ?? this.earlier(path));
  }
}

/**
 * The API server has Services and slices in their newest version, so that of those only a version that is in force
 * instead of a broken one must outlast a restart. Of rules any may be broken while nobody looks.
 */
function isWorthKeeping(path: string, { problems }: ResourceFile): boolean {
  return problems.length > 0 || Object.hasOwn(CHANGE_OF_KIND, path.slice(0, path.indexOf('/')));
}

function pathOf({ kind }: WatchedKind, key: ObjectKey): string {
  return `${kind}/${key}`;
}

function keyOf({ namespace, name }: Fields): ObjectKey {
  return namespace === undefined ? String(name) : `${namespace}/${name}`;
}

function same(object: Fields): Fields {
  return object;
}

function changeTime(trigger: unknown, nowMs: number): number {
  const atMs = typeof trigger === 'string' ? Date.parse(trigger) : Number.NaN;
  return atMs <= nowMs && nowMs - atMs < RECENT_MS ? atMs : nowMs;
}

function conditionProblem(
  { types, kind, withoutIt }: WatchedKind,
  condition: ReflectorCondition,
): Omit<ProviderProblem, 'where'> | undefined {
  const [{ plural, group }] = types;
  if (condition.kind === 'missing' && withoutIt !== undefined) {
    return {
      message: `the cluster has no kind ${kind} (${plural}.${group})`,
      hint: `install its definition, as the Helm chart does by default; until then ${withoutIt}`,
    };
  }
  if (condition.kind !== 'failing' || condition.because === 'outage') return undefined;
  return { message: condition.message, hint: `${remedy(condition)}; ${STAYS}` };
}

function remedy({ because }: Extract<ReflectorCondition, { kind: 'failing' }>): string {
  return because === 'refused'
    ? 'let the service account list and watch this kind in all namespaces, as the Helm chart does'
    : 'it is tried again by itself';
}
