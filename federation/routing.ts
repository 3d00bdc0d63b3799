import type { ProviderChange, ProviderProblem } from '../clusters/provider.ts';
import { Exporter } from './export/exporter.ts';
import { exportedEndpoints } from './export/service-record.ts';
import { logHealth } from './health-log.ts';
import type { ExportConflict, ServiceExport } from './import/export-conflict.ts';
import { Importer } from './import/importer.ts';
import type { ClusterName } from './model/cluster.ts';
import type { Drain } from './model/drain.ts';
import { namedKey, type ServiceKey } from './model/service.ts';
import type { RoutingSnapshot } from './model/snapshot.ts';
import { RoutingLog } from './routing-log.ts';
import type { RoutingOptions } from './routing-options.ts';
import { every } from './runtime/clock.ts';
import { type FindingsListener, GatewayRegistry } from './service/gateway-registry.ts';
import type { GatewayHello, GatewayRefusal } from './service/gateway-session.ts';
import { SnapshotHistory } from './service/snapshot-history.ts';
import { CallerBook } from './snapshot/caller-book.ts';
import { ClusterStandings } from './snapshot/cluster-standings.ts';
import { Coalescer } from './snapshot/coalescer.ts';
import type { ServiceDetails } from './snapshot/merge-book.ts';
import { OfferBook } from './snapshot/offer-book.ts';
import { membersAmong, otherTrustDomain } from './snapshot/peers.ts';
import type { PolicyConflict } from './snapshot/policy-index.ts';
import { routeBackendService } from './snapshot/route-backends.ts';
import { type RouteVerdict, routeProblems } from './snapshot/route-verdict.ts';
import { RoutingRules } from './snapshot/routing-rules.ts';
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
  readonly #standings: ClusterStandings;
  readonly #offers: OfferBook;
  readonly #callers = new CallerBook();
  readonly #log: RoutingLog;
  #rules: RoutingRules;
  #unwatch: (() => void)[] = [];
  #cancelLook: () => void = () => {};
  #started = false;
  #hearing: Hearing | undefined;

  constructor(options: RoutingOptions) {
    const { provider, peers, lastMemory, lastSnapshot, epoch, local, clock, log, pace } = options;
    this.#options = options;
    this.gateways = new GatewayRegistry(this);
    const reports = () => this.gateways.reports;
    this.exporter = new Exporter(
      { services: provider.services, reports, network: options.network },
      options.publisher,
    );
    this.importer = new Importer({
      peers: peers.views,
      rules: provider.peerRules,
      distrustOf: (cluster) => otherTrustDomain(local, cluster, provider.peerRules.get(cluster)),
    });
    this.#standings = new ClusterStandings(options, lastMemory);
    this.#offers = new OfferBook(lastMemory?.offers);
    this.#log = new RoutingLog(log, pace);
    this.#rules = new RoutingRules(provider);
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
    this.#rules = new RoutingRules(provider);
    // Before the first head: one without it would bring everybody's requests back for a moment.
    this.#standings.ownDrain(clock.now());
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
    return this.#rules.policies.conflicts;
  }

  /** Policies and routes that do not hold, and why: what is worth a line when it comes and when it goes. */
  get refusals(): readonly ProviderProblem[] {
    return this.#rules.refusals(this.admission.policyFaults);
  }

  /** Those conflicts, and what is wrong with routes where they are attached. */
  get policyProblems(): readonly ProviderProblem[] {
    return [...this.#rules.policies.problems, ...routeProblems(this.routeVerdicts())];
  }

  /** What each route's status says at each of its parents. */
  routeVerdicts(): readonly RouteVerdict[] {
    return this.#rules.verdicts(this.history.value?.services ?? new Map(), this.admission.policyFaults);
  }

  /** What the next process must know. */
  get memory(): FederationMemory {
    return { epoch: this.#options.epoch, offers: this.#offers.memory, ...this.#standings.memory };
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
    if (!this.#standings.report(hello.gateway, hello.startedAtMs, findings, clock.now())) return;
    onMemory();
    this.#request();
  }

  gatewayGone(gateway: string): void {
    this.#standings.silence(gateway);
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
        failoverOf: (key) => this.#rules.policies.failoverOf(key),
        trafficOf: (key) => this.#rules.policies.trafficOf(key),
        accessOf: (key) => this.#rules.policies.accessOf(key),
        routesOf: (key) => this.#rules.routes.routesOf(key),
        backendOf: (key) =>
          routeBackendService(key, {
            services: provider.services,
            routes: this.#rules.routes,
            isOffered: (parent) => this.exportsOf(parent).length > 0,
            reports: this.gateways.reports,
          }),
        backendsOf: (key) => this.#rules.routes.backendsOf(key),
        peers: (previous, nowMs) => this.#standings.peers(previous, nowMs),
        drain: (nowMs) => this.#standings.ownDrain(nowMs),
        trustBundles: (peers) => this.#options.trustBundles(membersAmong(peers)),
        callers: () => this.#callers.groups(),
        offers: this.#offers,
        ports,
        onConflicts: (service, conflicts) => this.#log.conflicts(service, conflicts),
        onOmission: (service, reason) => this.#log.omission(service, reason),
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

  /** Before the first head of this process: one without the drain would take back what the cluster said of itself. */
  #recallDrain(told: Drain | undefined): void {
    this.#standings.recallDrain(told, this.#options.clock.now());
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
        this.#markAll(this.#rules.renewRoutes());
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
    const served = [...(this.history.value?.services.keys() ?? [])];
    this.#markAll(this.#rules.renewPolicies(served.map(namedKey)));
  }

  #onPeer(cluster: ClusterName, change: PeerChange): void {
    const view = this.#options.peers.views.get(cluster);
    this.#markAll(change.records);
    // Whether it has left decides over all of its records.
    if (change.reach && view !== undefined) this.#markAll(view.records.keys());
    for (const key of change.records) {
      const refusal = this.importer.refusalOf(cluster, key);
      if (refusal !== undefined) this.#log.refusedRecord(cluster, refusal);
    }
    this.#request();
  }

  #lookAt(key: ServiceKey): void {
    if (this.#started) this.exporter.refresh(key, this.#options.clock.now());
    if (this.#rules.routes.dependsOn(key)) this.#markAll(this.#rules.renewRoutes());
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
