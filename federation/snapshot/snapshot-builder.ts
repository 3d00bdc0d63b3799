import type { ServiceExport } from '../import/export-conflict.ts';
import type { CallerGroup, CallerGroupKey } from '../model/caller.ts';
import type { ClusterName, LocalCluster } from '../model/cluster.ts';
import type { Drain } from '../model/drain.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { MapDraft } from '../model/large-map.ts';
import type { ServiceRoute } from '../model/mesh-route.ts';
import type { AccessRule, FailoverPolicy } from '../model/policy.ts';
import {
  backendKey,
  isBackendKey,
  namedKey,
  parseServiceKey,
  type ServiceKey,
  type ServicePort,
  serviceKey,
} from '../model/service.ts';
import type { Peer, RoutingSnapshot, SnapshotService } from '../model/snapshot.ts';
import type { TrafficPolicy } from '../model/traffic-policy.ts';
import type { TrustBundles } from '../wire/cluster-fields.ts';
import type { PortTarget } from './listen-ports.ts';
import { type ConflictListener, MergeBook } from './merge-book.ts';
import type { OfferBook } from './offer-book.ts';
import type { RouteBackendService } from './route-backends.ts';
import { type OmissionListener, ServiceAdmission } from './service-admission.ts';
import { assembleService, nameOnly } from './snapshot-service.ts';

/** Where the builder looks things up; each answer is what holds at that moment. */
export interface BuilderSources {
  /** This cluster's; undefined = nobody's pods are reached without gateways. */
  readonly network: string | undefined;
  readonly exportsOf: (key: ServiceKey) => readonly ServiceExport[];
  readonly endpointsOf: (key: ServiceKey) => readonly Endpoint[];
  /** Of a Service that this cluster does not export: what routes lead to nevertheless. */
  readonly backendOf: (key: ServiceKey) => RouteBackendService | undefined;
  /** What the routes of a service lead to: it comes and goes with the service. */
  readonly backendsOf: (parent: ServiceKey) => Iterable<ServiceKey>;
  readonly failoverOf: (key: ServiceKey) => FailoverPolicy;
  readonly trafficOf: (key: ServiceKey) => TrafficPolicy;
  readonly accessOf: (key: ServiceKey) => readonly AccessRule[];
  readonly routesOf: (key: ServiceKey) => readonly ServiceRoute[] | undefined;
  /** Given `previous`, the same object where nothing changed. */
  readonly peers: (previous: ReadonlyMap<ClusterName, Peer>, nowMs: number) => ReadonlyMap<ClusterName, Peer>;
  /** Of this cluster; the same object while it is the same. */
  readonly drain?: (nowMs: number) => Drain | undefined;
  readonly trustBundles: (peers: ReadonlyMap<ClusterName, Peer>) => TrustBundles;
  /** The same object while nothing changes; empty where the provider does not say. */
  readonly callers: () => ReadonlyMap<CallerGroupKey, CallerGroup>;
  readonly offers: OfferBook;
  readonly ports: PortLedger;
  readonly onConflicts: ConflictListener;
  readonly onOmission: OmissionListener;
}

export interface PortLedger {
  claim(target: PortTarget, nowMs: number): number | undefined;
  release(target: PortTarget, nowMs: number): void;
}

/** Where a sequence of snapshots begins. */
export interface SnapshotOrigin {
  readonly local: LocalCluster;
  readonly epoch: number;
  /** What an earlier process served: what is still true of it keeps its object. */
  readonly last: RoutingSnapshot | undefined;
}

/** Turns changes into one immutable snapshot after another. Only services that are marked are looked at. */
export class SnapshotBuilder {
  readonly merges: MergeBook;
  readonly #sources: BuilderSources;
  readonly #marked = new Set<ServiceKey>();
  /** What is offered and not served, or not as it is asked for, and why. */
  readonly admission: ServiceAdmission;
  #snapshot: RoutingSnapshot;

  /** @param maxServices in all; what gateways take, but in a test */
  constructor(origin: SnapshotOrigin, sources: BuilderSources, nowMs: number, maxServices?: number) {
    this.#sources = sources;
    this.merges = new MergeBook(sources.onConflicts);
    this.admission = new ServiceAdmission(origin.local.name, sources.onOmission, maxServices);
    this.#snapshot = {
      epoch: origin.epoch,
      version: 0,
      createdAtMs: nowMs,
      local: origin.local,
      peers: origin.last?.peers ?? new Map(),
      services: origin.last?.services ?? new Map(),
      trustBundles: origin.last?.trustBundles ?? new Map(),
    };
  }

  /** The service may have changed, come or gone. */
  mark(key: ServiceKey): void {
    this.#marked.add(key).add(backendKey(key));
    for (const backend of this.#sources.backendsOf(key)) this.#marked.add(backendKey(backend));
  }

  markAll(): void {
    for (const key of this.#snapshot.services.keys()) this.mark(namedKey(key));
  }

  /** The snapshot of now; the last one itself when nothing changed. */
  build(nowMs: number): RoutingSnapshot {
    const last = this.#snapshot;
    const peers = this.#sources.peers(last.peers, nowMs);
    const services = this.#buildServices(last.services, nowMs);
    const trustBundles = this.#sources.trustBundles(peers);
    const callers = this.#sources.callers();
    const drain = this.#sources.drain?.(nowMs);
    const unchanged =
      peers === last.peers &&
      services === last.services &&
      trustBundles === last.trustBundles &&
      drain === last.drain &&
      (callers === last.callers || (callers.size === 0 && last.callers === undefined));
    if (!unchanged || last.version === 0) {
      this.#snapshot = {
        epoch: last.epoch,
        local: last.local,
        version: last.version + 1,
        createdAtMs: nowMs,
        peers,
        services,
        trustBundles,
        ...(callers.size === 0 ? {} : { callers }),
        ...(drain && { drain }),
      };
    }
    return this.#snapshot;
  }

  #buildServices(last: RoutingSnapshot['services'], nowMs: number): RoutingSnapshot['services'] {
    const services = new MapDraft(last);
    for (const key of this.admission.next(last)) this.#marked.add(key);
    for (const key of this.#marked) {
      const before = last.get(key);
      const { exports, backend } = this.#exportsOf(key);
      const clusters = exports.map(({ cluster }) => cluster);
      const place = this.admission.place(key, clusters, services);
      if (place.kind === 'instead-of') {
        this.#remove(place.other, services, nowMs);
      }
      const after = place.kind === 'none' ? undefined : this.#assemble(key, exports, backend, before, nowMs);
      if (before !== undefined) this.#releasePorts(before, after, nowMs);
      // Not with `before`: it may have made way for another in this very run, and have found a place again.
      if (after === services.get(key)) continue;
      if (after === undefined) services.delete(key);
      else services.set(key, after);
    }
    this.#marked.clear();
    return services.finish();
  }

  /** One that only routes lead to is as if this cluster alone exported it, whoever else offers one of its name. */
  #exportsOf(key: ServiceKey): {
    readonly exports: readonly ServiceExport[];
    readonly backend: RouteBackendService | undefined;
  } {
    if (!isBackendKey(key)) return { exports: this.#sources.exportsOf(key), backend: undefined };
    const backend = this.#sources.backendOf(namedKey(key));
    if (backend === undefined) return { exports: [], backend };
    return { exports: [{ cluster: this.#snapshot.local.name, record: backend.record }], backend };
  }

  #remove(key: ServiceKey, services: MapDraft<ServiceKey, SnapshotService>, nowMs: number): void {
    const service = services.get(key);
    if (service !== undefined) this.#releasePorts(service, undefined, nowMs);
    services.delete(key);
  }

  #assemble(
    key: ServiceKey,
    exports: readonly ServiceExport[],
    backend: RouteBackendService | undefined,
    previous: SnapshotService | undefined,
    nowMs: number,
  ): SnapshotService | undefined {
    const { offers, failoverOf, trafficOf, accessOf, routesOf, endpointsOf, ports, network } = this.#sources;
    const named = namedKey(key);
    const failover = failoverOf(named);
    offers.judge(key, exports, failover.failback.minHealthyPercent, nowMs);
    if (exports.length === 0) {
      this.merges.forget(key);
      return undefined;
    }
    const { service, merge } = assembleService(
      {
        service: parseServiceKey(named),
        network,
        exports,
        endpoints: backend?.endpoints ?? endpointsOf(named),
        backendOnly: backend !== undefined,
        failover,
        traffic: trafficOf(named),
        access: accessOf(named),
        routes: routesOf(named),
        listenPort: (port) => (backend === undefined ? ports.claim(portTarget(key, port), nowMs) : undefined),
        healthOf: (cluster) => offers.healthOf(key, cluster),
      },
      previous,
    );
    this.merges.note(key, merge);
    const admitted = this.admission.admit(key, service, previous);
    if (admitted !== undefined) return admitted;
    this.#releasePorts(service, undefined, nowMs);
    return backend === undefined ? undefined : nameOnly(service, previous);
  }

  #releasePorts(before: SnapshotService, after: SnapshotService | undefined, nowMs: number): void {
    const key = serviceKey(before.service);
    const kept = new Set(after === undefined ? [] : portsOf(after).map((port) => port.name));
    // One that only routes lead to has none, also where a service of its name has.
    for (const port of portsOf(before)) {
      if (!kept.has(port.name)) this.#sources.ports.release(portTarget(key, port), nowMs);
    }
  }
}

/** What a snapshot needs ports for. */
export function portTargets({ services }: RoutingSnapshot): ReadonlySet<PortTarget> {
  const targets = new Set<PortTarget>();
  for (const [key, service] of services) {
    for (const port of portsOf(service)) targets.add(portTarget(key, port));
  }
  return targets;
}

/** Those that gateways open for it. */
function portsOf({ ports, backendOnly }: SnapshotService): SnapshotService['ports'] {
  return backendOnly ? [] : ports;
}

/** As on trunks: `namespace/name:port`. */
export function portTarget(key: ServiceKey, port: Pick<ServicePort, 'name'>): PortTarget {
  return `${key}:${port.name}`;
}
