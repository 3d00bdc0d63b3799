import { mkdir } from 'node:fs/promises';
import type { ClusterName, Locality } from '../federation/model/cluster.ts';
import type { BackendGrant, MeshRoute } from '../federation/model/mesh-route.ts';
import type { FailoverPolicy } from '../federation/model/policy.ts';
import type { ServiceKey } from '../federation/model/service.ts';
import type { TrafficPolicy } from '../federation/model/traffic-policy.ts';
import type { Clock } from '../federation/runtime/clock.ts';
import { type Readable, Watchable } from '../federation/runtime/watchable.ts';
import { everythingClosed } from './files/closure.ts';
import { type FileTimes, FolderWatch } from './files/folder-watch.ts';
import { LastGood } from './files/last-good.ts';
import { PolicyIndex } from './files/policy-index.ts';
import { type ResourceFile, readResourceFile } from './files/resource-file.ts';
import { ResourceSet } from './files/resource-set.ts';
import { ServiceIndex } from './files/service-index.ts';
import type {
  AccessPolicy,
  ClusterProvider,
  PeerRule,
  ProvidedService,
  ProviderChange,
  ProviderProblem,
} from './provider.ts';

export interface FileProviderOptions {
  /** Made when it is not there. */
  readonly folder: string;
  /** A file that keeps the last good versions for the next start; made when it is not there. */
  readonly lastGoodFile: string;
  readonly clock: Clock;
  /** Where the cluster is: what holds for endpoints that name no zone. */
  readonly home: Locality;
}

const POLICY_KINDS: ReadonlySet<string> = new Set(['FailoverPolicy', 'TrafficPolicy', 'AccessPolicy']);
const ROUTE_KINDS: ReadonlySet<string> = new Set(['HTTPRoute', 'GRPCRoute', 'ReferenceGrant']);
/** A file that was never read may hold a rule for any service. */
const NOTHING_KNOWN: ResourceFile = { objects: new Map(), problems: [], closures: [everythingClosed()] };
/** Changes of many files at once are listed as problems once. */
const PROBLEMS_DELAY_MS = 20;

/**
 * What a cluster offers, from a watched folder of YAML in Kubernetes' own shapes: for virtual machines, bare metal
 * and for trying everything without Kubernetes. What cannot be read is a problem and changes nothing.
 */
export class FileProvider implements ClusterProvider {
  readonly ready: Promise<void>;
  readonly #watch: FolderWatch;
  readonly #clock: Clock;
  readonly #resources: ResourceSet;
  readonly #lastGood: LastGood;
  readonly #services: ServiceIndex;
  readonly #policies = new PolicyIndex();
  readonly #listeners = new Set<(change: ProviderChange) => void>();
  readonly #unreadable = new Map<string, ProviderProblem>();
  readonly #problems = new Watchable<readonly ProviderProblem[]>([]);
  #problemsDue: (() => void) | undefined;
  #listed = false;

  private constructor(options: FileProviderOptions, resources: ResourceSet, lastGood: LastGood) {
    this.#clock = options.clock;
    this.#resources = resources;
    this.#lastGood = lastGood;
    lastGood.onProblem(() => this.#problemsLater());
    this.#services = new ServiceIndex(this.#resources, options.home);
    this.#watch = new FolderWatch(options.folder, options.clock, {
      changed: (file, text, times) => this.#changed(file, text, times),
      removed: (file) => this.#replaced(file, undefined),
      unreadable: (file, reason) => this.#cannotRead(file, reason),
    });
    this.ready = this.#watch.ready.then(() => {
      this.#listed = true;
      // Of a folder that could not be listed files may be seen later.
      if (!this.#unreadable.has('.')) this.#lastGood.forgetTheRest();
      this.#listProblems();
    });
  }

  /** @throws the file system's error when the folder can be neither found nor made. */
  static async open(options: FileProviderOptions): Promise<FileProvider> {
    await mkdir(options.folder, { recursive: true });
    const resources = new ResourceSet();
    const { lastGoodFile: path, clock } = options;
    const lastGood = await LastGood.open({ path, clock, current: () => resources.files() });
    return new FileProvider(options, resources, lastGood);
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

  get problems(): Readable<readonly ProviderProblem[]> {
    return this.#problems;
  }

  watch(listener: (change: ProviderChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#problemsDue?.();
    this.#listeners.clear();
    await this.#watch.close();
    await this.#lastGood.close();
    this.#problemsDue?.();
  }

  #changed(file: string, text: string, times: FileTimes): void {
    this.#unreadable.delete(file);
    const reading = { ...times, atStart: !this.#listed };
    const previous = this.#resources.file(file) ?? this.#fromEarlier(file);
    this.#replaced(file, readResourceFile(file, text, reading, previous));
  }

  #replaced(file: string, content: ResourceFile | undefined): void {
    const closures = [this.#resources.file(file), content].flatMap((one) => one?.closures ?? []);
    const ids = this.#resources.replace(file, content);
    const kinds = new Set([...ids].map((id) => id.slice(0, id.indexOf('/'))));
    for (const { kind } of closures) kinds.add(kind === 'peer' ? 'ClusterPeer' : 'AccessPolicy');
    for (const key of this.#services.update(ids)) this.#tell({ kind: 'service', key });
    const peers = kinds.has('ClusterPeer');
    const policies = [...kinds].some((kind) => POLICY_KINDS.has(kind));
    const routes = [...kinds].some((kind) => ROUTE_KINDS.has(kind));
    if (peers || policies || routes) this.#policies.rebuild(this.#resources);
    if (policies) this.#tell({ kind: 'policies' });
    if (peers) this.#tell({ kind: 'peers' });
    if (routes) this.#tell({ kind: 'routes' });
    this.#lastGood.changed(peers || policies || routes);
    this.#problemsLater();
  }

  /** What an earlier process knew of a file that this one has not read yet. */
  #fromEarlier(file: string): ResourceFile | undefined {
    const earlier = this.#lastGood.take(file);
    if (earlier === undefined) return undefined;
    return { objects: earlier.objects, problems: [], closures: earlier.whole ? [] : [everythingClosed()] };
  }

  #cannotRead(file: string, reason: string): void {
    const first = !this.#listed && this.#resources.file(file) === undefined;
    const content = first ? (this.#fromEarlier(file) ?? NOTHING_KNOWN) : undefined;
    if (content !== undefined) this.#replaced(file, content);
    const closed = content !== undefined && content.closures.length > 0;
    const effect = closed
      ? 'what it holds is not known, and it may hold access rules: until then nobody may call any service'
      : 'what it held stays in force';
    const hint = `give this user the right to read it; ${effect}`;
    this.#unreadable.set(file, { where: file, message: `cannot be read: ${reason}`, hint });
    this.#problemsLater();
  }

  #problemsLater(): void {
    this.#problemsDue ??= this.#clock.after(PROBLEMS_DELAY_MS, () => this.#listProblems());
  }

  #listProblems(): void {
    this.#problemsDue?.();
    this.#problemsDue = undefined;
    this.#problems.set([
      ...this.#lastGood.problems(),
      ...this.#unreadable.values(),
      ...this.#resources.problems(),
      ...this.#services.problems(),
      ...this.#policies.problems(),
    ]);
  }

  #tell(change: ProviderChange): void {
    for (const listener of [...this.#listeners]) listener(change);
  }
}
