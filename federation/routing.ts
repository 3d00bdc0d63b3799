import { isDeepStrictEqual } from 'node:util';
import type { ProviderChange } from '../clusters/provider.ts';
import { Exporter } from './export/exporter.ts';
import { exportedEndpoints } from './export/service-record.ts';
import { logHealth } from './health-log.ts';
import type { ExportConflict, ServiceExport } from './import/export-conflict.ts';
import { Importer } from './import/importer.ts';
import type { ClusterName } from './model/cluster.ts';
import type { Drain } from './model/drain.ts';
import { namedKey, type ServiceKey } from './model/service.ts';
import type { Peer, RoutingSnapshot } from './model/snapshot.ts';
import type { RoutingOptions } from './routing-options.ts';
import { every } from './runtime/clock.ts';
import { type FindingsListener, GatewayRegistry } from './service/gateway-registry.ts';
import type { GatewayHello, GatewayRefusal } from './service/gateway-session.ts';
import { SnapshotHistory } from './service/snapshot-history.ts';
import { CallerBook } from './snapshot/caller-book.ts';
import { Coalescer } from './snapshot/coalescer.ts';
import { DrainBook } from './snapshot/drain-book.ts';
import type { ServiceDetails } from './snapshot/merge-book.ts';
import { OfferBook } from './snapshot/offer-book.ts';
import { PeerBook } from './snapshot/peer-book.ts';
import { assemblePeers, knownPeers, membersAmong } from './snapshot/peers.ts';
import { type PolicyConflict, PolicyIndex } from './snapshot/policy-index.ts';
import { routeBackendService } from './snapshot/route-backends.ts';
import { RouteIndex } from './snapshot/route-index.ts';
import { type RouteVerdict, routeProblems, routeVerdicts } from './snapshot/route-verdict.ts';
import { portTargets, SnapshotBuilder } from './snapshot/snapshot-builder.ts';
import { type Hearing, hear, isWhole } from './snapshot/wholeness.ts';
import type { FederationMemory } from './state/memory-file.ts';
import type { PeerChange } from './store/peer-view.ts';
import type { TrunkFinding } from './wire/health-report.ts';

/** The first change is built at once; where hundreds come each second, what one costs is shared by several. */
const BUILD_INTERVAL_MS = 25;
const BUSY_BUILDS = { from: 4, intervalMs: 50 };
/** Heartbeats of peers are not told one by one. */
const LOOK_EVERY_MS = 5000;

/**
 * Joins everything that decides over routing: what the provider offers, what peers publish, what gateways find.
 * Each change marks what it touches; at most every 25 ms, of many changes 50, the marked services become a new snapshot.
 */
export class Routing implements FindingsListener {
  readonly history = new SnapshotHistory();
  readonly gateways: GatewayRegistry;
  readonly exporter: Exporter;
  readonly importer: Importer;
  readonly #options: RoutingOptions;
  readonly #builder: SnapshotBuilder;
  readonly #builds: Coalescer;
  readonly #peerBook: PeerBook;
  readonly #offers: OfferBook;
  readonly #drains: DrainBook;
  readonly #callers = new CallerBook();
  #policies: PolicyIndex;
  #routes: RouteIndex;
  #unwatch: (() => void)[] = [];
  #cancelLook: () => void = () => {};
  #started = false;
  #hearing: Hearing | undefined;

  constructor(options: RoutingOptions) {
    const { provider, peers, lastMemory, lastSnapshot, epoch, local, clock } = options;
    this.#options = options;
    this.gateways = new GatewayRegistry(this);
    const reports = () => this.gateways.reports;
    this.exporter = new Exporter(
      { services: provider.services, reports, network: options.network },
      options.publisher,
    );
    this.importer = new Importer({ peers: peers.views, rules: provider.peerRules });
    this.#peerBook = new PeerBook(lastMemory?.peers);
    this.#offers = new OfferBook(lastMemory?.offers);
    this.#drains = new DrainBook(lastMemory?.drains);
    this.#policies = new PolicyIndex(provider);
    this.#routes = new RouteIndex(provider);
    this.#builder = this.#makeBuilder();
    this.#builds = new Coalescer(clock, BUILD_INTERVAL_MS, () => this.#build(), BUSY_BUILDS);
    this.history.whole.set(lastSnapshot !== undefined);
    // A gateway without a disk gets what was last true, until there is something better.
    if (lastSnapshot !== undefined)
      this.history.publish({ ...lastSnapshot, epoch, local, version: 0, createdAtMs: clock.now() });
  }

  /** Begins to build, once the provider has listed everything and the peers' copies have been read. */
  start(): void {
    const { provider, peers, clock } = this.#options;
    this.#started = true;
    this.#policies = new PolicyIndex(provider);
    this.#routes = new RouteIndex(provider);
    // Before the first head: one without it would bring everybody's requests back for a moment.
    this.#ownDrain(clock.now());
    this.exporter.start(clock.now());
    for (const key of provider.services.keys()) this.#builder.mark(key);
    for (const [address, workload] of provider.callers ?? []) this.#callers.set(address, workload);
    for (const view of peers.views.values()) for (const key of view.records.keys()) this.#builder.mark(key);
    this.#builder.markAll();
    this.#unwatch = [
      provider.watch((change) => this.#onProvider(change)),
      peers.watch((cluster, change) => this.#onPeer(cluster, change)),
      this.#options.toldDrain.watch((told) => this.#recallDrain(told)),
    ];
    this.#request();
    this.#cancelLook = every(clock, LOOK_EVERY_MS, () => this.#request());
  }

  close(): void {
    this.#started = false;
    for (const stop of this.#unwatch) stop();
    this.#cancelLook();
    this.#builds.close();
  }

  /** Whether it builds on what the provider lists. */
  get started(): boolean {
    return this.#started;
  }

  get conflicts(): readonly ExportConflict[] {
    return this.#builder.merges.conflicts;
  }

  /** The same list for as long as it says the same. */
  conflictsOf(key: ServiceKey): readonly ExportConflict[] {
    return this.#builder.merges.conflictsOf(key);
  }

  /** What no gateway needs to know of a service; the same object for as long as it says the same. */
  detailsOf(key: ServiceKey): ServiceDetails {
    return this.#builder.merges.detailsOf(key);
  }

  /** Calls back with each service of which one of both is another one now. */
  watchMerges(listener: (key: ServiceKey) => void): () => void {
    return this.#builder.merges.watch(listener);
  }

  /** What is offered and not served, or not as it is asked for, and why. */
  get admission() {
    return this.#builder.admission;
  }

  /** Policies that do not hold for a target because an older one does. */
  get policyConflicts(): readonly PolicyConflict[] {
    return this.#policies.conflicts;
  }

  /** Those conflicts, as problems. */
  get conflictProblems(): PolicyIndex['problems'] {
    return this.#policies.problems;
  }

  /** Those of routes included. */
  get policyProblems(): PolicyIndex['problems'] {
    return [...this.#policies.problems, ...routeProblems(this.routeVerdicts())];
  }

  /** What each route's status says at each of its parents. */
  routeVerdicts(): readonly RouteVerdict[] {
    const services = this.history.value?.services ?? new Map();
    const { policyFaults } = this.admission;
    return routeVerdicts(this.#routes.attachments, services, this.#options.provider.services, policyFaults);
  }

  /** What the next process must know. */
  get memory(): FederationMemory {
    return {
      epoch: this.#options.epoch,
      peers: this.#peerBook.memory,
      offers: this.#offers.memory,
      drains: this.#drains.memory,
    };
  }

  /** Ports were given or taken away elsewhere. */
  portsChanged(): void {
    this.#builder.markAll();
    this.#request();
  }

  /** Other roots hold. */
  trustChanged(): void {
    this.#request();
  }

  endpointsChanged(services: Iterable<ServiceKey>): void {
    for (const key of services) this.#lookAt(key);
    this.#request();
  }

  trunksReported(hello: GatewayHello, findings: readonly TrunkFinding[]): void {
    const { clock, onMemory } = this.#options;
    if (!this.#peerBook.report(hello.gateway, hello.startedAtMs, findings, clock.now())) return;
    onMemory();
    this.#request();
  }

  gatewayGone(gateway: string): void {
    this.#peerBook.silence(gateway);
    this.#request();
  }

  gatewayRefused(gateway: string, refusal: GatewayRefusal): void {
    this.#options.log.error({ gateway, ...refusal }, 'a gateway refused a snapshot');
  }

  #makeBuilder(): SnapshotBuilder {
    const { local, epoch, network, lastSnapshot, provider, ports, clock } = this.#options;
    return new SnapshotBuilder(
      { local, epoch, last: lastSnapshot },
      {
        network,
        exportsOf: (key) => this.exportsOf(key),
        endpointsOf: (key) => exportedEndpoints(provider.services.get(key)),
        failoverOf: (key) => this.#policies.failoverOf(key),
        trafficOf: (key) => this.#policies.trafficOf(key),
        accessOf: (key) => this.#policies.accessOf(key),
        routesOf: (key) => this.#routes.routesOf(key),
        backendOf: (key) =>
          routeBackendService(key, {
            services: provider.services,
            routes: this.#routes,
            isOffered: (parent) => this.exportsOf(parent).length > 0,
            reports: this.gateways.reports,
          }),
        backendsOf: (key) => this.#routes.backendsOf(key),
        peers: (previous, nowMs) => this.#peers(previous, nowMs),
        drain: (nowMs) => this.#ownDrain(nowMs),
        trustBundles: (peers) => this.#options.trustBundles(membersAmong(peers)),
        callers: () => this.#callers.groups(),
        offers: this.#offers,
        ports,
        onConflicts: (service, conflicts) => this.#onConflicts(service, conflicts),
        onOmission: (service, reason) => this.#onOmission(service, reason),
      },
      clock.now(),
    );
  }

  exportsOf(key: ServiceKey): ServiceExport[] {
    const exports = this.importer.exportsOf(key);
    const record = this.exporter.records.get(key);
    if (record !== undefined) exports.push({ cluster: this.#options.local.name, record });
    return exports;
  }

  #peers(previous: ReadonlyMap<ClusterName, Peer>, nowMs: number): ReadonlyMap<ClusterName, Peer> {
    const { local, peers, provider } = this.#options;
    const known = knownPeers(local, peers.views.values(), provider.peerRules.keys());
    const assembled = assemblePeers(
      local,
      known,
      ({ cluster, reach }) => ({
        health: this.#peerBook.judge(cluster, reach, nowMs),
        drain: this.#drains.judge(cluster, provider.peerRules.get(cluster)?.drain, nowMs),
      }),
      previous,
    );
    this.#peerBook.retain(assembled);
    this.#drains.retain((cluster) => assembled.has(cluster) || cluster === local.name);
    return assembled;
  }

  /** A ClusterPeer under the cluster's own name speaks of itself. */
  #ownDrain(nowMs: number): Drain | undefined {
    const { local, provider, drain } = this.#options;
    const own = this.#drains.judge(local.name, provider.peerRules.get(local.name)?.drain, nowMs);
    drain.set(own);
    return own;
  }

  /** Before the first head of this process: one without the drain would take back what the cluster said of itself. */
  #recallDrain(told: Drain | undefined): void {
    const { local, clock } = this.#options;
    if (told !== undefined) this.#drains.recall(local.name, told);
    this.#ownDrain(clock.now());
    this.#request();
  }

  #onProvider(change: ProviderChange): void {
    switch (change.kind) {
      case 'service':
        this.#lookAt(change.key);
        break;
      case 'policies':
        this.#renewPolicies();
        break;
      case 'routes':
        this.#renewRoutes();
        break;
      case 'callers':
        for (const address of change.addresses) {
          this.#callers.set(address, this.#options.provider.callers?.get(address));
        }
        break;
      case 'peers':
        for (const { records } of this.#options.peers.views.values()) this.#markAll(records.keys());
    }
    this.#request();
  }

  #renewPolicies(): void {
    const before = this.#policies;
    this.#policies = new PolicyIndex(this.#options.provider);
    this.#markAll([...this.admission.faulty].map(namedKey));
    for (const key of [...(this.history.value?.services.keys() ?? [])].map(namedKey)) {
      const same =
        before.failoverOf(key) === this.#policies.failoverOf(key) &&
        before.trafficOf(key) === this.#policies.trafficOf(key) &&
        isDeepStrictEqual(before.accessOf(key), this.#policies.accessOf(key));
      if (!same) this.#builder.mark(key);
    }
  }

  #renewRoutes(): void {
    const before = this.#routes;
    this.#routes = new RouteIndex(this.#options.provider);
    for (const key of new Set([...before.services, ...this.#routes.services])) {
      if (isDeepStrictEqual(before.routesOf(key), this.#routes.routesOf(key))) continue;
      this.#builder.mark(key);
      this.#markAll(before.backendsOf(key));
    }
  }

  #onPeer(cluster: ClusterName, change: PeerChange): void {
    const view = this.#options.peers.views.get(cluster);
    this.#markAll(change.records);
    // Whether it has left decides over all of its records.
    if (change.reach && view !== undefined) this.#markAll(view.records.keys());
    for (const key of change.records) {
      const refusal = this.importer.refusalOf(cluster, key);
      if (refusal !== undefined)
        this.#tell('warn', `${cluster}: record`, refusal, 'a record of a peer is ignored');
    }
    this.#request();
  }

  #onConflicts(service: ServiceKey, conflicts: readonly ExportConflict[]): void {
    const subject = `${service}: conflicts`;
    if (conflicts.length > 0)
      this.#tell('warn', subject, { service, conflicts }, 'exports of a service disagree');
    else this.#tell('info', subject, { service }, 'exports of a service agree again');
  }

  #onOmission(service: ServiceKey, reason: string | undefined): void {
    const subject = `${service}: omission`;
    if (reason === undefined)
      this.#tell('info', subject, { service }, 'the service is fit to be served again');
    else this.#tell('warn', subject, { service, reason }, 'a service is not served');
  }

  #tell(level: 'warn' | 'info', subject: string, about: object, message: string): void {
    const { pace, log } = this.#options;
    pace.tell(subject, (suppressed) =>
      log[level](suppressed === 0 ? about : { ...about, suppressed }, message),
    );
  }

  #lookAt(key: ServiceKey): void {
    if (this.#started) this.exporter.refresh(key, this.#options.clock.now());
    if (this.#routes.dependsOn(key)) this.#renewRoutes();
    this.#builder.mark(key);
  }

  #markAll(keys: Iterable<ServiceKey>): void {
    for (const key of keys) this.#builder.mark(key);
  }

  #request(): void {
    if (this.#started) this.#builds.request();
  }

  #build(): void {
    const before = this.history.value;
    const snapshot = this.#builder.build(this.#options.clock.now());
    this.#releasePorts(snapshot);
    this.#listen();
    if (snapshot === before) return;
    logHealth(this.#options.log, before, snapshot);
    this.history.publish(snapshot);
    this.#options.onSnapshot();
  }

  /** Without a snapshot of its own on disk, a process has to hear the others before it may say that something is gone. */
  #listen(): void {
    const { whole } = this.history;
    if (whole.value) return;
    const { local, provider, peers, clock } = this.#options;
    const named = [...provider.peerRules.keys()].filter((cluster) => cluster !== local.name);
    this.#hearing = hear(this.#hearing, peers, named, clock.monotonic());
    whole.set(isWhole(this.#hearing, clock.monotonic()));
  }

  /** What went away while no replica led, nobody has released. Only what is surely gone may lose its port. */
  #releasePorts(snapshot: RoutingSnapshot): void {
    const { ports, peers, clock } = this.#options;
    if (ports.owesRelease && peers.complete) ports.releaseExcept(portTargets(snapshot), clock.now());
  }
}
