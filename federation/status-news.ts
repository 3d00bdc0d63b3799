import type {
  DrainSight,
  LostTarget,
  ParentVerdict,
  PeerSight,
  RefusedTarget,
  StatusSight,
  StatusView,
} from '../clusters/kubernetes/status/status-view.ts';
import type { ClusterProvider, ProviderProblem } from '../clusters/provider.ts';
import { drainedPercent, isDrained, lastMembers } from './drain-state.ts';
import type { ClusterName } from './model/cluster.ts';
import { backendKey } from './model/service.ts';
import type { RoutingSnapshot } from './model/snapshot.ts';
import type { Routing } from './routing.ts';
import { type Clock, every } from './runtime/clock.ts';
import type { Readable } from './runtime/watchable.ts';
import { Coalescer } from './snapshot/coalescer.ts';
import { otherTrustDomain } from './snapshot/peers.ts';
import type { PolicyConflict } from './snapshot/policy-index.ts';
import type { PeerView } from './store/peer-view.ts';

export interface StatusSources {
  readonly leading: Readable<boolean>;
  readonly complete: Readable<boolean>;
  readonly provider: Pick<ClusterProvider, 'problems' | 'sourceOf' | 'watch' | 'peerRules'>;
  readonly routing: Pick<Routing, 'history' | 'policyConflicts' | 'routeVerdicts'> & {
    readonly gateways: Pick<Routing['gateways'], 'trunkReports'>;
    readonly admission: Pick<Routing['admission'], 'policyFaults'>;
  };
  readonly peers: ReadonlyMap<ClusterName, PeerView>;
  readonly storeUp: () => boolean;
  readonly clock: Clock;
}

/** Snapshots may follow each other every 10 ms; a status is for people. */
const LOOK_INTERVAL_MS = 1000;
/** Trunks, and the words of peers, come without a new snapshot. */
const LOOK_EVERY_MS = 2000;
/** Services and their ports change rarely; each look at all routes costs milliseconds where there are a thousand. */
const SIGHT_AGE_MS = 500;
/** Gateways come back within seconds, and peers are read as soon as the store answers. */
const SETTLE_MS = 60_000;
const MAX_KEPT = 100;

/** What the federation service knows of what the cluster's objects ask for: for whoever writes it into their status. */
export class StatusNews implements StatusView {
  readonly #sources: StatusSources;
  readonly #startedAtMs: number;
  readonly #listeners = new Set<() => void>();
  readonly #looks: Coalescer;
  readonly #stops: readonly (() => void)[];
  #sight: Sight | undefined;
  #sightAtMs = 0;
  #isOld = false;

  constructor(sources: StatusSources) {
    const { provider, routing, clock } = sources;
    this.#sources = sources;
    this.#startedAtMs = clock.monotonic();
    this.#looks = new Coalescer(clock, LOOK_INTERVAL_MS, () => {
      for (const listener of [...this.#listeners]) listener();
    });
    const changed = (): void => {
      this.#sight = undefined;
      this.#looks.request();
    };
    this.#stops = [
      routing.history.watch(() => {
        this.#isOld = true;
        this.#looks.request();
      }),
      provider.problems.watch(changed),
      provider.watch(({ kind }) => {
        if (kind === 'policies' || kind === 'routes' || kind === 'peers') changed();
        // One that is not exported may be a route's backend, and yet make no new snapshot.
        if (kind === 'service') this.#isOld = true;
      }),
      every(clock, LOOK_EVERY_MS, () => this.#looks.request()),
    ];
  }

  get leading(): Readable<boolean> {
    return this.#sources.leading;
  }

  get complete(): Readable<boolean> {
    return this.#sources.complete;
  }

  sight(): StatusSight {
    const nowMs = this.#sources.clock.monotonic();
    if (this.#sight !== undefined && !(this.#isOld && nowMs - this.#sightAtMs >= SIGHT_AGE_MS))
      return this.#sight;
    const isSettled = (): boolean => this.#sources.clock.monotonic() - this.#startedAtMs >= SETTLE_MS;
    this.#sight = new Sight(this.#sources, isSettled);
    this.#sightAtMs = nowMs;
    this.#isOld = false;
    return this.#sight;
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#looks.close();
  }
}

/** What is costly is gathered once, when it is first asked for. */
class Sight implements StatusSight {
  readonly #sources: StatusSources;
  readonly #isSettled: () => boolean;
  readonly #snapshot: RoutingSnapshot | undefined;
  #verdicts: ReadonlyMap<string, readonly ParentVerdict[]> | undefined;
  #conflicts: ReadonlyMap<string, readonly PolicyConflict[]> | undefined;
  #problems: ReadonlyMap<string, readonly ProviderProblem[]> | undefined;
  #last: ReadonlyMap<ClusterName, readonly string[]> | undefined;

  constructor(sources: StatusSources, isSettled: () => boolean) {
    this.#sources = sources;
    this.#isSettled = isSettled;
    this.#snapshot = sources.routing.history.value;
  }

  get reportingGateways(): number {
    return this.#sources.routing.gateways.trunkReports.length;
  }

  get storeUp(): boolean {
    return this.#sources.storeUp();
  }

  get settled(): boolean {
    return this.#isSettled();
  }

  hasService(key: string): boolean {
    const services = this.#snapshot?.services;
    return services?.has(key) === true || services?.has(backendKey(key)) === true;
  }

  generationOf(id: string): number | undefined {
    return this.#sources.provider.sourceOf(id)?.generation;
  }

  problemsAt(place: string): readonly ProviderProblem[] {
    this.#problems ??= Map.groupBy(this.#sources.provider.problems.value, ({ where }) => where);
    return this.#problems.get(place) ?? [];
  }

  lostTargetsOf(id: string): readonly LostTarget[] {
    this.#conflicts ??= Map.groupBy(this.#sources.routing.policyConflicts, (conflict) => conflict.id);
    return this.#conflicts.get(id) ?? [];
  }

  /** As it is now: that a policy does not hold makes no new snapshot. */
  refusedTargetsOf(id: string): readonly RefusedTarget[] {
    return this.#sources.routing.admission.policyFaults.filter((one) => one.id === id);
  }

  verdictsOf(id: string): readonly ParentVerdict[] {
    this.#verdicts ??= Map.groupBy(
      this.#sources.routing.routeVerdicts(),
      ({ route }) => `${route.kind}/${route.namespace}/${route.name}`,
    );
    return this.#verdicts.get(id) ?? [];
  }

  get local(): ClusterName | undefined {
    return this.#sources.routing.history.value?.local.name;
  }

  /** By the clock of now: a drain goes on without a new snapshot. */
  drainOf(cluster: ClusterName): DrainSight | undefined {
    const snapshot = this.#sources.routing.history.value;
    if (snapshot === undefined) return undefined;
    const peer = cluster === snapshot.local.name ? { drain: snapshot.drain } : snapshot.peers.get(cluster);
    if (peer === undefined) return undefined;
    const takenPercent = drainedPercent(peer, this.#sources.clock.now());
    const ordered = isDrained(peer);
    if (!ordered) return takenPercent === 0 ? undefined : { ordered, takenPercent, kept: [] };
    this.#last ??= lastMembers(snapshot, MAX_KEPT);
    return { ordered, takenPercent, kept: this.#last.get(cluster) ?? [] };
  }

  distrustOf(cluster: ClusterName): string | undefined {
    const { routing, provider } = this.#sources;
    const local = routing.history.value?.local;
    return local && otherTrustDomain(local, cluster, provider.peerRules.get(cluster));
  }

  /** As it is now: heartbeats make no new snapshot. */
  peerOf(cluster: ClusterName): PeerSight | undefined {
    const { routing, peers } = this.#sources;
    const peer = routing.history.value?.peers.get(cluster);
    if (peer === undefined) return undefined;
    const view = peers.get(cluster);
    return {
      reach: view?.reach ?? peer.reach,
      lastSeenMs: view?.lastSeenMs ?? 0,
      problem: view?.problem,
      untrusted: view?.untrusted ?? false,
      gateways: peer.gateways,
      services: view?.head === undefined ? undefined : view.records.size,
      bundleSequence: view?.head?.bundleSequence,
      trunks: routing.gateways.trunkReports.flatMap((report) =>
        report.filter((trunk) => trunk.cluster === cluster),
      ),
    };
  }
}
