import type { Workload } from '../federation/model/caller.ts';
import type { ClusterName, Locality } from '../federation/model/cluster.ts';
import type { BackendGrant, MeshRoute } from '../federation/model/mesh-route.ts';
import type { FailoverPolicy } from '../federation/model/policy.ts';
import type { ServiceKey } from '../federation/model/service.ts';
import type { TrafficPolicy } from '../federation/model/traffic-policy.ts';
import type { Clock } from '../federation/runtime/clock.ts';
import { type Readable, Watchable } from '../federation/runtime/watchable.ts';
import { CallerIndex, type PodCaller } from './files/caller-index.ts';
import { everythingClosed } from './files/closure.ts';
import { LastGood } from './files/last-good.ts';
import { CHANGE_OF_KIND, PolicyIndex } from './files/policy-index.ts';
import { placeOf, type ResourceFile } from './files/resource-file.ts';
import { ResourceSet } from './files/resource-set.ts';
import { ServiceIndex } from './files/service-index.ts';
import type {
  AccessPolicy,
  ClusterProvider,
  ObjectSource,
  PeerRule,
  ProvidedService,
  ProviderChange,
  ProviderProblem,
} from './provider.ts';
import type { NodePlaces } from './schema/endpoint-slice-schema.ts';
import { type PodObject, podAddresses } from './schema/pod-schema.ts';

/** What every provider of objects in Kubernetes' shapes needs. */
export interface ResourceProviderOptions {
  /** A file that keeps the last good versions for the next start; made when it is not there. */
  readonly lastGoodFile: string;
  readonly clock: Clock;
  /** Where the cluster is: what holds for endpoints that name no zone. */
  readonly home: Locality;
  /** Whose clusters reach each other's pods; undefined = addresses are not exported. */
  readonly network?: string | undefined;
}

/** What a provider begins with. */
export interface ProviderState {
  readonly resources: ResourceSet;
  readonly lastGood: LastGood;
}

/** A place (a file, or one object of Kubernetes) and what it holds now; undefined = it is gone. */
export type Replacement = readonly [path: string, content: ResourceFile | undefined];

/** Changes of many places at once are listed as problems once. */
const PROBLEMS_DELAY_MS = 20;

/**
 * The core that all providers share: the objects in force, the services and policies that they make, and who is told
 * of it. Where the objects come from is what a provider adds.
 */
export abstract class ResourceProvider implements ClusterProvider {
  abstract readonly ready: Promise<void>;
  protected readonly clock: Clock;
  readonly #resources: ResourceSet;
  readonly #lastGood: LastGood;
  readonly #services: ServiceIndex;
  readonly #policies = new PolicyIndex();
  readonly #callers = new CallerIndex();
  readonly #listeners = new Set<(change: ProviderChange) => void>();
  readonly #problems = new Watchable<readonly ProviderProblem[]>([]);
  #problemsDue: (() => void) | undefined;

  protected constructor(options: ResourceProviderOptions, state: ProviderState, places?: NodePlaces) {
    this.clock = options.clock;
    this.#resources = state.resources;
    this.#lastGood = state.lastGood;
    this.#lastGood.onProblem(() => this.problemsLater());
    this.#services = new ServiceIndex(this.#resources, options.home, places, options.network !== undefined);
  }

  /**
   * Reads what an earlier process left.
   * @param matters which places are worth a version on disk
   */
  protected static async begin(
    { lastGoodFile: path, clock }: ResourceProviderOptions,
    matters: (path: string, content: ResourceFile) => boolean = () => true,
  ): Promise<ProviderState> {
    const resources = new ResourceSet();
    const current = () => Iterator.from(resources.files()).filter(([file, held]) => matters(file, held));
    return { resources, lastGood: await LastGood.open({ path, clock, current }) };
  }

  get services(): ReadonlyMap<ServiceKey, ProvidedService> {
    return this.#services.services;
  }

  get failoverPolicies(): ReadonlyMap<string, FailoverPolicy> {
    return this.#policies.failoverPolicies;
  }

  get trafficPolicies(): ReadonlyMap<string, TrafficPolicy> {
    return this.#policies.trafficPolicies;
  }

  get accessPolicies(): ReadonlyMap<string, AccessPolicy> {
    return this.#policies.accessPolicies;
  }

  get peerRules(): ReadonlyMap<ClusterName, PeerRule> {
    return this.#policies.peerRules;
  }

  get meshRoutes(): ReadonlyMap<string, MeshRoute> {
    return this.#policies.meshRoutes;
  }

  get backendGrants(): ReadonlyMap<string, BackendGrant> {
    return this.#policies.backendGrants;
  }

  get callers(): ReadonlyMap<string, Workload> {
    return this.#callers.callers;
  }

  get problems(): Readable<readonly ProviderProblem[]> {
    return this.#problems;
  }

  sourceOf(id: string): ObjectSource | undefined {
    const object = this.#resources.get(id);
    if (object === undefined) return undefined;
    const { metadata } = object.resource;
    const generation = 'generation' in metadata ? metadata.generation : undefined;
    return { where: placeOf(object), generation };
  }

  watch(listener: (change: ProviderChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  abstract close(): Promise<void>;

  /** What the provider itself has to tell, beside what is wrong with objects. */
  protected abstract ownProblems(): Iterable<ProviderProblem>;

  /** What a place held when it was read last. */
  protected held(path: string): ResourceFile | undefined {
    return this.#resources.file(path);
  }

  /** What an earlier process knew of a place that this one has not read yet. */
  protected earlier(path: string): ResourceFile | undefined {
    const earlier = this.#lastGood.earlier(path);
    if (earlier === undefined) return undefined;
    return { objects: earlier.objects, problems: [], closures: earlier.whole ? [] : [everythingClosed()] };
  }

  /** What was not read by now was removed while no process ran. */
  protected allRead(): void {
    this.#lastGood.forgetTheRest();
  }

  /** Takes in what places hold now, all at once. */
  protected replace(replacements: Iterable<Replacement>): void {
    const ids = new Set<string>();
    const kinds = new Set<string>();
    for (const [path, content] of replacements) {
      for (const { kind } of [this.held(path), content].flatMap((one) => one?.closures ?? [])) {
        kinds.add(kind === 'peer' ? 'ClusterPeer' : 'AccessPolicy');
      }
      for (const id of this.#resources.replace(path, content)) {
        ids.add(id);
        kinds.add(id.slice(0, id.indexOf('/')));
      }
      this.#lastGood.outdated(path);
    }
    for (const key of this.#services.update(ids)) this.#tell({ kind: 'service', key });
    this.called(
      Iterator.from(ids)
        .filter((id) => id.startsWith('Pod/'))
        .map((id) => [id, this.#podOf(id)]),
    );
    const changes = new Set(indexedChanges(kinds));
    if (changes.size > 0) this.#policies.rebuild(this.#resources);
    for (const kind of changes) this.#tell({ kind });
    this.#lastGood.changed(changes.size > 0);
    this.problemsLater();
  }

  /** Takes in who pods are, by what names a pod; undefined = nobody any more. */
  protected called(pods: Iterable<readonly [pod: string, now: PodCaller | undefined]>): void {
    const addresses = this.#callers.update(pods);
    if (addresses.length > 0) this.#tell({ kind: 'callers', addresses });
  }

  /** Who a pod is; undefined while no address is its alone. */
  protected callerOf(pod: PodObject): PodCaller | undefined {
    const addresses = podAddresses(pod);
    if (addresses.length === 0) return undefined;
    return {
      workload: this.#callers.workload(pod.metadata.namespace, pod.spec.serviceAccountName),
      addresses,
    };
  }

  /** Nodes are somewhere else than they were. */
  protected moved(nodes: ReadonlySet<string>): void {
    for (const key of this.#services.moved(nodes)) this.#tell({ kind: 'service', key });
  }

  protected problemsLater(): void {
    this.#problemsDue ??= this.clock.after(PROBLEMS_DELAY_MS, () => this.listProblems());
  }

  protected listProblems(): void {
    this.#problemsDue?.();
    this.#problemsDue = undefined;
    this.#problems.set([
      ...this.#lastGood.problems(),
      ...this.ownProblems(),
      ...this.#resources.problems(),
      ...this.#services.problems(),
      ...this.#policies.problems(),
    ]);
  }

  /** Ends what the provider begins with; whoever feeds it has ended before. */
  protected async end(): Promise<void> {
    this.#problemsDue?.();
    this.#listeners.clear();
    await this.#lastGood.close();
    this.#problemsDue?.();
  }

  #podOf(id: string): PodCaller | undefined {
    const resource = this.#resources.get(id)?.resource;
    return resource?.kind === 'Pod' ? this.callerOf(resource) : undefined;
  }

  #tell(change: ProviderChange): void {
    for (const listener of [...this.#listeners]) listener(change);
  }
}

function indexedChanges(kinds: ReadonlySet<string>): ('policies' | 'routes' | 'peers')[] {
  return Object.entries(CHANGE_OF_KIND).flatMap(([kind, change]) => (kinds.has(kind) ? [change] : []));
}
