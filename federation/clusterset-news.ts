import { isDeepStrictEqual } from 'node:util';
import type {
  ClustersetOffer,
  ClustersetService,
  ClustersetView,
  ExportDispute,
  ExportProgress,
} from '../clusters/kubernetes/mcs/clusterset-view.ts';
import type { ClusterName } from './model/cluster.ts';
import { mapDifference } from './model/large-map.ts';
import type { ServiceKey } from './model/service.ts';
import type { Peer, RoutingSnapshot, ServiceOffer, SnapshotService } from './model/snapshot.ts';
import { type Clock, every } from './runtime/clock.ts';
import { Watchable } from './runtime/watchable.ts';
import { Coalescer } from './snapshot/coalescer.ts';
import type { ServiceDetails } from './snapshot/merge-book.ts';
import { lostPeers, staleClusters, withoutStale } from './stale-addresses.ts';

export interface NewsSources {
  readonly local: ClusterName;
  /** The newest snapshot, once one was built of all that the provider and the peers' copies have. */
  readonly snapshot: () => RoutingSnapshot | undefined;
  /** This cluster's. */
  readonly network: string | undefined;
  /** The same list, and the same details, for as long as they say the same. */
  readonly disputesOf: (key: ServiceKey) => readonly ExportDispute[];
  readonly detailsOf: (key: ServiceKey) => ServiceDetails;
  /** Every member's copy has all that the store has. */
  readonly complete: () => boolean;
  /** Members whose copies have all that the store has of them. */
  readonly heard: () => readonly ClusterName[];
  /** This cluster's own objects name it as a peer. */
  readonly isMember: (cluster: ClusterName) => boolean;
  /** Some member offers it, served or not. */
  readonly isOffered: (key: ServiceKey) => boolean;
  /** This cluster says it to others, or wants to. */
  readonly isSaid: (key: ServiceKey) => boolean;
  readonly isPublished: (key: ServiceKey) => boolean;
  readonly clock: Clock;
}

/** Snapshots may follow each other many times a second; objects in a cluster are not written that often. */
const LOOK_INTERVAL_MS = 100;
/** What comes without a new snapshot: that the store took an export, that everything was read. */
const LOOK_EVERY_MS = 1000;
/**
 * From so many services in the first snapshot on, gateways and peers have the machines for themselves at first, for a
 * millisecond each: what is written into the API for ten thousand takes minutes, and nobody can route them the sooner for it.
 */
const PATIENT_FROM = 1000;
/** So long everything that the store has must have been known before a cluster that never spoke counts as none. */
const SILENCE_MS = 600_000;

interface Told {
  readonly shown: ClustersetService;
  readonly disputes: readonly ExportDispute[];
}

/** What the clusterset knows, and what of it changed: for whoever shows it in the cluster's own API. */
export class ClustersetNews implements ClustersetView {
  readonly leading = new Watchable(false);
  readonly complete = new Watchable(false);
  readonly heard = new Watchable<ReadonlySet<ClusterName>>(new Set());
  readonly #sources: NewsSources;
  readonly #listeners = new Set<(keys: readonly ServiceKey[]) => void>();
  readonly #looks: Coalescer;
  readonly #stop: () => void;
  /** What was looked at last. */
  #seen: RoutingSnapshot['services'] = new Map();
  /** Services that show addresses of pods, and of which clusters none of those is ready. */
  readonly #withPods = new Map<ServiceKey, readonly ClusterName[]>();
  #lost: readonly Peer[] = [];
  /** Of these the details or the disputes are others since. */
  readonly #touched = new Set<ServiceKey>();
  /** What listeners know; a service that was in here and went has been taken back. */
  readonly #told = new Map<ServiceKey, Told>();
  readonly #gone = new Set<ServiceKey>();
  /** Offered, and not served any more: nobody has taken them back. */
  readonly #omitted = new Set<ServiceKey>();
  /** Exports of which it was said that they are on their way. */
  readonly #pending = new Set<ServiceKey>();
  /** Of which it was said that they are not gone, only because a cluster may speak yet. */
  readonly #kept = new Set<ServiceKey>();
  /** When the first look is due; undefined before there is a snapshot. */
  #beginsAtMs: number | undefined;
  #wasComplete = false;
  /** How long everything was known, all in all. */
  #completeMs = 0;
  #lookedAtMs = 0;
  #wasHeard: ReadonlySet<ClusterName> = new Set();

  constructor(sources: NewsSources) {
    this.#sources = sources;
    this.#looks = new Coalescer(sources.clock, LOOK_INTERVAL_MS, () => this.#look());
    this.#stop = every(sources.clock, LOOK_EVERY_MS, () => this.#looks.request());
  }

  get local(): ClusterName {
    return this.#sources.local;
  }

  get network(): string | undefined {
    return this.#sources.network;
  }

  get keys(): Iterable<ServiceKey> {
    return this.#told.keys();
  }

  serviceOf(key: ServiceKey): ClustersetService | undefined {
    return this.#told.get(key)?.shown;
  }

  isGone(key: ServiceKey, exporters: readonly ClusterName[]): boolean {
    if (this.#told.has(key) || this.#sources.isOffered(key)) return false;
    if (this.#gone.has(key)) return true;
    // Once a cluster was heard, each later word of it is followed, and none of them is missed. One that was never heard may
    // have it still, for a store that lost everything names no members either; and only who invited it, or was invited by
    // it, has an object that names it. A name that does not speak for long keeps nothing.
    const unheard = exporters.filter((cluster) => !this.heard.value.has(cluster));
    if (exporters.length > 0 && unheard.length === 0) return true;
    if (!this.complete.value || unheard.some((cluster) => this.#sources.isMember(cluster))) return false;
    if (unheard.length === 0 || this.#completeMs >= SILENCE_MS) return true;
    this.#kept.add(key);
    return false;
  }

  disputesOf(key: ServiceKey): readonly ExportDispute[] {
    return this.#told.get(key)?.disputes ?? [];
  }

  exportOf(key: ServiceKey): ExportProgress {
    const { isSaid, isPublished } = this.#sources;
    if (isPublished(key)) return { kind: 'published' };
    this.#pending.add(key);
    return { kind: isSaid(key) ? 'pending' : 'unsaid' };
  }

  watch(listener: (keys: readonly ServiceKey[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** There is a new snapshot. */
  snapshotChanged(): void {
    this.#looks.request();
  }

  /** What the exports of a service agree or disagree on is another thing now. */
  mergeChanged(key: ServiceKey): void {
    this.#touched.add(key);
    this.#looks.request();
  }

  close(): void {
    this.#stop();
    this.#looks.close();
  }

  #look(): void {
    const snapshot = this.#sources.snapshot();
    // Version 0 is what an earlier process served: nobody has looked yet whether it still holds.
    if (snapshot === undefined || snapshot.version === 0) return;
    const nowMs = this.#sources.clock.monotonic();
    const { size } = snapshot.services;
    this.#beginsAtMs ??= nowMs + (size < PATIENT_FROM ? 0 : size);
    if (nowMs < this.#beginsAtMs) return;
    const changed = new Set<ServiceKey>();
    this.#takeServices(snapshot, changed);
    for (const key of this.#pending) {
      if (this.#sources.isPublished(key) && this.#pending.delete(key)) changed.add(key);
    }
    this.#tell(changed);
    this.#hear();
    this.#completed();
  }

  #tell(changed: ReadonlySet<ServiceKey>): void {
    if (changed.size > 0) for (const listener of [...this.#listeners]) listener([...changed]);
  }

  #completed(): void {
    // The copies may be ahead of the snapshot by one build, which has happened when this looks a second time.
    const complete = this.#sources.complete();
    const nowMs = this.#sources.clock.monotonic();
    if (complete && this.#wasComplete) {
      this.complete.set(true);
      this.#completeMs += nowMs - this.#lookedAtMs;
    }
    this.#wasComplete = complete;
    this.#lookedAtMs = nowMs;
    if (this.#completeMs < SILENCE_MS) return;
    const kept = new Set(this.#kept);
    this.#kept.clear();
    this.#tell(kept);
  }

  /** Of a cluster that is heard now, the snapshot has everything when this looks a second time. */
  #hear(): void {
    const now = new Set([this.local, ...this.#sources.heard()]);
    const known = this.heard.value.union(now.intersection(this.#wasHeard));
    this.#wasHeard = now;
    if (known.size > this.heard.value.size) this.heard.set(known);
  }

  #takeServices(snapshot: RoutingSnapshot, changed: Set<ServiceKey>): void {
    const { services } = snapshot;
    const difference = mapDifference(this.#seen, services);
    this.#seen = services;
    this.#takeLost(snapshot);
    for (const [key, service] of difference.changed) {
      if (service.backendOnly) this.#forget(key, changed);
      else this.#takeService(key, service, changed);
    }
    for (const key of this.#touched) {
      const service = services.get(key);
      if (service !== undefined && !service.backendOnly) this.#takeService(key, service, changed);
    }
    this.#touched.clear();
    for (const key of difference.removed) this.#omitted.add(key);
    for (const key of this.#omitted) {
      if (!services.has(key) && this.#sources.isOffered(key)) continue;
      this.#omitted.delete(key);
      if (!services.has(key)) this.#forget(key, changed);
    }
  }

  /** How long a peer is lost changes without a snapshot, for as long as it is; and once more when it is back. */
  #takeLost(snapshot: RoutingSnapshot): void {
    const before = this.#lost;
    this.#lost = lostPeers(snapshot);
    if (before.length + this.#lost.length === 0) return;
    for (const [key, stale] of this.#withPods) {
      const service = snapshot.services.get(key);
      // All pods of ten thousand services, ten times a second, would be too many to compare.
      if (service !== undefined && !isDeepStrictEqual(this.#staleOf(key, service), stale))
        this.#touched.add(key);
    }
  }

  #staleOf(key: ServiceKey, { failover }: SnapshotService): readonly ClusterName[] {
    const { detailsOf, clock } = this.#sources;
    return staleClusters(detailsOf(key).addresses, this.#lost, failover.staleAfterMs, clock.now());
  }

  #forget(key: ServiceKey, changed: Set<ServiceKey>): void {
    if (!this.#told.delete(key)) return;
    this.#withPods.delete(key);
    this.#gone.add(key);
    changed.add(key);
  }

  /** How many hosts a cluster has changes all the time, and is not shown. */
  #takeService(key: ServiceKey, service: SnapshotService, changed: Set<ServiceKey>): void {
    const disputes = this.#sources.disputesOf(key);
    const details = this.#sources.detailsOf(key);
    const stale = this.#staleOf(key, service);
    if (details.addresses.size > 0) this.#withPods.set(key, stale);
    else this.#withPods.delete(key);
    const now = shownService(service, { ...details, addresses: withoutStale(details.addresses, stale) });
    const before = this.#told.get(key);
    const same = before !== undefined && isDeepStrictEqual(before.shown, now);
    if (same && before.disputes === disputes) return;
    this.#told.set(key, { shown: same ? before.shown : now, disputes });
    this.#gone.delete(key);
    changed.add(key);
  }
}

function shownService(
  { service, type, ports, offers }: SnapshotService,
  details: ServiceDetails,
): ClustersetService {
  return { service, type, ports, offers: offers.map(shownOffer), ...details };
}

function shownOffer({ cluster, ports }: ServiceOffer): ClustersetOffer {
  return ports === undefined ? { cluster } : { cluster, ports };
}
