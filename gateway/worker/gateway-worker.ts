import type { Socket } from 'node:net';
import { MAX_WORKER_RATE_BUCKETS } from '../../federation/model/rate-limit.ts';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import { type Clock, every } from '../../federation/runtime/clock.ts';
import { deltaFromBytes } from '../../federation/wire/delta-message.ts';
import { applyDelta } from '../../federation/wire/snapshot-delta.ts';
import { snapshotFromBytes } from '../../federation/wire/snapshot-message.ts';
import { svidFromPem } from '../../trust/svid.ts';
import { Engine } from '../exchange/engine.ts';
import { applyFindings } from '../health/apply-findings.ts';
import { createCodecResources } from '../http/resources.ts';
import { TurnClock } from '../http/turn-clock.ts';
import { edgeOptions } from '../limits/edge-options.ts';
import { includesStage, OVERLOAD_STAGES, type OverloadStage } from '../limits/overload.ts';
import { defaultMemoryBytes, OverloadWatch } from '../limits/overload-watch.ts';
import { upstreamOptions } from '../limits/upstream-options.ts';
import { EnrolmentPort } from '../listener/enrolment.ts';
import { OpenConnections } from '../listener/open-connections.ts';
import { Ports } from '../listener/ports.ts';
import { BucketLedger } from '../routing/bucket-ledger.ts';
import { compileRouteTable, type RoutingRuntime } from '../routing/compile.ts';
import { PeerAvailability } from '../routing/peer-availability.ts';
import type { RouteTable } from '../routing/route-table.ts';
import { TroubledPools } from '../routing/troubled-pools.ts';
import { AccessLog } from '../telemetry/access-log.ts';
import { MeterTable } from '../telemetry/meter-table.ts';
import { metricFamily } from '../telemetry/metric-family.ts';
import type { OperationLog } from '../telemetry/operation-log.ts';
import { requestSamples } from '../telemetry/request-samples.ts';
import { RequestTelemetry } from '../telemetry/request-telemetry.ts';
import type { RouteMeters } from '../telemetry/route-meters.ts';
import { routingSamples } from '../telemetry/routing-samples.ts';
import { SparseLog } from '../telemetry/sparse-log.ts';
import { EjectionWatch } from './ejection-watch.ts';
import { EnrolmentRelay } from './enrolment-relay.ts';
import type { ParentMessage, WorkerConfig, WorkerMessage } from './messages.ts';
import type { SnapshotVersion } from './snapshot-rollout.ts';
import { TrunkWatch } from './trunk-watch.ts';
import { WorkerIdentity } from './worker-identity.ts';

export interface GatewayWorkerOptions {
  readonly config: WorkerConfig;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: OperationLog;
  readonly send: (message: WorkerMessage) => void;
}

/** One worker: serves connections by the newest snapshot that its parent has sent. */
export class GatewayWorker {
  readonly #options: GatewayWorkerOptions;
  readonly #meters = new MeterTable();
  readonly #resources;
  readonly #defects: SparseLog;
  readonly #accessLog: AccessLog;
  readonly #accessLogTroubles: SparseLog;
  readonly #connections: OpenConnections;
  readonly #relay: EnrolmentRelay;
  readonly #ports: Ports;
  readonly #identity: WorkerIdentity;
  readonly #ejections: EjectionWatch;
  readonly #cancelSweeps: () => void;
  readonly #trunkWatch: TrunkWatch;
  readonly #overload: OverloadWatch;
  readonly #runtime: RoutingRuntime<RouteMeters>;
  readonly #telemetry: RequestTelemetry;
  #engine: Engine | undefined;

  constructor(options: GatewayWorkerOptions) {
    const { config, clock, random, send } = options;
    this.#options = options;
    this.#defects = new SparseLog(clock, options.log);
    this.#accessLogTroubles = new SparseLog(clock, options.log);
    this.#resources = createCodecResources({
      clock,
      heldBytes: config.limits.maxHeldBytes,
      onDefect: (err, side) => {
        this.#defects.error({ err }, 'a defect of the gateway closed a connection');
        if (side === 'output') this.#meters.countRejected('internal');
      },
    });
    this.#accessLog = new AccessLog(config.accessLog, (reason) => this.#logLost(reason));
    this.#telemetry = new RequestTelemetry(this.#meters, this.#accessLog);
    this.#connections = new OpenConnections(this.#meters, config.limits.maxConnections);
    this.#relay = new EnrolmentRelay(send);
    this.#ports = this.#createPorts();
    this.#identity = new WorkerIdentity((identity) => this.#ports.identify(identity));
    const peers = new PeerAvailability();
    peers.setFollowed(config.followed);
    const troubled = new TroubledPools();
    const buckets = new BucketLedger(MAX_WORKER_RATE_BUCKETS);
    this.#runtime = {
      peers,
      troubled,
      buckets,
      workers: config.workers,
      random,
      sharedPorts: new Set(config.sharedPorts),
      telemetry: (route) => this.#meters.service(route.service),
    };
    this.#ejections = new EjectionWatch(clock, () => this.#engine?.table, troubled, send);
    this.#cancelSweeps = every(clock, SWEEP_MS, () => buckets.sweep(clock.monotonic()));
    this.#overload = this.#watchOverload();
    this.#trunkWatch = new TrunkWatch(clock, () => this.#engine?.trunks.reports() ?? [], send);
  }

  /** `socket` comes with `connection` alone. */
  receive(message: ParentMessage, socket: Socket | undefined): void {
    switch (message.kind) {
      case 'start':
        throw new Error('this worker has been started already');
      case 'connection':
        if (socket !== undefined) this.#ports.accept(socket, message.listener);
        return;
      case 'snapshot':
        this.#apply(message, ({ services }) => snapshotFromBytes(message.bytes, { before: services }));
        return;
      case 'delta':
        this.#apply(message, (base) =>
          applyDelta(base, deltaFromBytes(message.bytes, { before: base.services })),
        );
        return;
      case 'svid':
        this.#useSvid(message);
        return;
      case 'peer':
        if (message.up) this.#engine?.peerAnswered(message.cluster);
        else this.#engine?.peerLost(message.cluster);
        return;
      case 'checks':
        if (this.#engine !== undefined)
          applyFindings(this.#engine.table, message.findings, this.#options.clock.now());
        return;
      case 'collect':
        this.#options.send({ kind: 'collected', id: message.id, families: this.#samples() });
        return;
      case 'enrolled':
        this.#relay.answered(message.id, message.response);
        return;
      case 'reopen-log':
        this.#accessLog.reopen().catch((error: Error) => this.#logLost(error.message));
        return;
      case 'leave':
        this.#connections.leave();
        return;
      case 'drain':
        this.#drain(message.graceMs);
    }
  }

  /** Each lost line counts, but an operator is told now and then. */
  #logLost(reason: string): void {
    this.#meters.countRejected('access-log');
    const { file } = this.#options.config.accessLog;
    this.#accessLogTroubles.error({ reason, file }, 'lines of the access log are lost');
  }

  #createPorts(): Ports {
    const { config, clock, log } = this.#options;
    const rejected = (reason: RejectionReason): void => this.#meters.countRejected(reason);
    return new Ports({
      server: { serve: (socket, protocol, context) => this.#engine?.serve(socket, protocol, context) },
      connections: this.#connections,
      reads: this.#resources.reads,
      timers: this.#resources.timers,
      enrolment: new EnrolmentPort({
        relay: (request, remoteAddress) => this.#relay.relay(request, remoteAddress),
        rejected,
        now: () => clock.monotonic(),
      }),
      ticketSecret: config.ticketSecret,
      handshakeTimeoutMs: config.limits.handshakeTimeoutMs,
      headerTimeoutMs: config.limits.headerTimeoutMs,
      now: () => clock.now(),
      clusterOf: (trustDomain) => this.#identity.clusterOf(trustDomain),
      rejected: (reason, remoteAddress) => {
        rejected(reason);
        log.debug({ reason, remoteAddress }, 'a connection was refused');
      },
    });
  }

  /** Puts a snapshot in force, or says why not: then the one before stays. */
  #apply({ epoch, version }: SnapshotVersion, read: (base: RoutingSnapshot) => RoutingSnapshot): void {
    const before = this.#engine?.table;
    try {
      const snapshot = read(before?.snapshot ?? NO_SNAPSHOT);
      const table = compileRouteTable(snapshot, before, this.#runtime, this.#options.clock.now());
      this.#use(table);
      this.#options.send({ kind: 'applied', epoch, version });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.send({ kind: 'refused', epoch, version, reason });
    }
  }

  #use(table: RouteTable<RouteMeters>): void {
    this.#identity.useSnapshot(table.snapshot);
    if (this.#engine === undefined) {
      this.#engine = this.#createEngine(table);
      this.#engine.refusesRequests = includesStage(this.#overload.stage, 'refuse-requests');
    } else this.#engine.setTable(table);
    this.#meters.keepOnly(table.snapshot.services);
  }

  #createEngine(table: RouteTable<RouteMeters>): Engine {
    const { config, clock, random, send } = this.#options;
    const trunk = (cluster: string, up: boolean): void => {
      send({ kind: 'trunk', cluster, up, atMs: clock.now(), rttSeconds: 0 });
    };
    return new Engine({
      clock: new TurnClock(clock, this.#resources.turn),
      random,
      resources: this.#resources,
      recorder: this.#telemetry,
      table,
      credentials: () => this.#identity.credentials,
      onPeerLost: (cluster) => trunk(cluster, false),
      onPeerAnswered: (cluster) => trunk(cluster, true),
      warm: config.keepsTrunksWarm,
      edge: edgeOptions(config.limits),
      upstream: upstreamOptions(config.limits),
      forwarding: config.forwarding,
      maxActiveRequests: config.limits.maxActiveRequests,
      responseTimeoutMs: config.limits.responseTimeoutMs,
      tcpIdleTimeoutMs: config.limits.tcpIdleTimeoutMs,
    });
  }

  #watchOverload(): OverloadWatch {
    const { config, clock, log } = this.#options;
    const { overload, maxActiveRequests } = config.limits;
    return new OverloadWatch({
      clock,
      log,
      limits: overload,
      maxMemoryBytes: overload.maxMemoryBytes ?? defaultMemoryBytes(config.workers),
      heldBytes: this.#resources.heldBytes,
      activeRequestsRatio: () => (this.#engine?.activeRequests ?? 0) / maxActiveRequests,
      closeIdle: () => this.#connections.shedIdle(),
      changed: (stage) => this.#shed(stage),
    });
  }

  #shed(stage: OverloadStage): void {
    const refusesConnections = includesStage(stage, 'refuse-connections');
    if (this.#engine !== undefined) this.#engine.refusesRequests = includesStage(stage, 'refuse-requests');
    this.#connections.refusesMore = refusesConnections;
    this.#options.send({ kind: 'overload', refusesConnections });
  }

  #useSvid(message: ParentMessage & { kind: 'svid' }): void {
    try {
      const { certificateChainPem, privateKeyPem } = message;
      this.#identity.useSvid(svidFromPem(certificateChainPem, privateKeyPem, this.#options.clock.now()));
    } catch (error) {
      // Expired, most likely: without a newer one the old one is as good.
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.log.error({ reason }, 'the SVID cannot be used');
    }
  }

  #samples(): (WorkerMessage & { kind: 'collected' })['families'] {
    const engine = this.#engine;
    const overload = metricFamily('overloadStage', 'max');
    overload.values.push({ labels: {}, value: OVERLOAD_STAGES.indexOf(this.#overload.stage) });
    const held = metricFamily('heldBytes');
    held.values.push({ labels: {}, value: this.#resources.heldBytes.usedBytes });
    const families = [...requestSamples(this.#meters), overload, held];
    if (engine === undefined) return families;
    return [...families, ...routingSamples(this.#options.clock.now(), engine.table, engine.trunks.reports())];
  }

  /** Serves what is open to its end, but not beyond the grace; then the process ends. */
  async #drain(graceMs: number): Promise<void> {
    const { clock, send } = this.#options;
    const { promise: graceIsOver, resolve } = Promise.withResolvers<void>();
    const cancelGrace = clock.after(graceMs, resolve);
    const cancelIdle = every(clock, Math.min(IDLE_NOTICE_MS, graceMs / 2), () => this.#connections.endIdle());
    await Promise.race([this.#connections.drain(), graceIsOver]);
    cancelGrace();
    cancelIdle();
    this.#connections.destroy();
    this.#engine?.close();
    this.#ejections.close();
    this.#cancelSweeps();
    this.#trunkWatch.close();
    this.#overload.close();
    await this.#accessLog.close();
    send({ kind: 'drained' });
  }
}

/** How long a client may be silent in a drain: one that asks again before is told to close with its answer. */
const IDLE_NOTICE_MS = 5_000;
/** Between two looks at the buckets of rate limits. */
const SWEEP_MS = 1_000;

/** A delta that comes first has nothing to start from: no snapshot has this version. */
const NO_SNAPSHOT: RoutingSnapshot = {
  epoch: 0,
  version: -1,
  createdAtMs: 0,
  local: { name: '', clusterset: '', trustDomain: '', locality: { region: '', zone: '' } },
  peers: new Map(),
  services: new Map(),
  trustBundles: new Map(),
};
