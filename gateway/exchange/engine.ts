import type { Socket } from 'node:net';
import type { ClusterName, LocalCluster } from '../../federation/model/cluster.ts';
import type { TrustDomain } from '../../federation/model/identity.ts';
import { mapDifference } from '../../federation/model/large-map.ts';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import type { BytePool } from '../http/byte-pool.ts';
import type { CodecResources } from '../http/resources.ts';
import type { ServerConnection } from '../http/stream.ts';
import { type Timed, TimerWheel } from '../http/timer-wheel.ts';
import { EDGE_HTTP1, type Http1Options } from '../http1/options.ts';
import { Http1ServerConnection } from '../http1/server-connection.ts';
import { EDGE_HTTP2, type Http2Options, TRUNK_HTTP2, UPSTREAM_HTTP2 } from '../http2/options.ts';
import { Http2ServerConnection } from '../http2/server-connection.ts';
import type { ConnectionContext } from '../listener/connection-context.ts';
import type { ConnectionServer, DownstreamProtocol } from '../listener/connection-server.ts';
import { type ForwardingConfig, NO_FORWARDING } from '../pipeline/forwarding-config.ts';
import type { LocalDestination, TrunkDestination } from '../routing/destination.ts';
import { routeOf } from '../routing/route-index.ts';
import type { RouteTable } from '../routing/route-table.ts';
import type { CompiledBackend } from '../routing/rules/compiled-rule.ts';
import { upstreamPlans } from '../routing/upstream-plans.ts';
import type { RequestRecorder } from '../telemetry/request-facts.ts';
import type { RouteMeters } from '../telemetry/route-meters.ts';
import type { TrunkCredentials } from '../trunk/dialler.ts';
import { InboundTrunks } from '../trunk/inbound-trunks.ts';
import { TrunkSet } from '../trunk/trunk-set.ts';
import type { TrunkTiming } from '../trunk/trunk-timing.ts';
import type { ConnectionSource } from '../upstream/connection-source.ts';
import { EndpointPools } from '../upstream/endpoint-pools.ts';
import { ActiveList } from './active-list.ts';
import { DownstreamConnection } from './downstream-connection.ts';
import type { ActiveExchange, ExchangeEnvironment, ExchangeTimeouts, RequestCopies } from './environment.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import { Mirrors } from './mirrors.ts';
import { OpaqueConnection } from './opaque-connection.ts';

export interface EngineOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly resources: CodecResources;
  readonly recorder: RequestRecorder;
  readonly table: RouteTable<RouteMeters>;
  /** Of this gateway; undefined until its first SVID is there. */
  readonly credentials: () => TrunkCredentials | undefined;
  /** This worker saw a peer go or come back: the other workers must be told. */
  readonly onPeerLost: (cluster: ClusterName) => void;
  readonly onPeerAnswered: (cluster: ClusterName) => void;
  /** Whether this worker is the one of its pod that keeps a trunk to every peer. */
  readonly warm: boolean;
  readonly maxActiveRequests?: number;
  /** For a response to begin after its request has ended; gRPC calls have their own deadlines. */
  readonly responseTimeoutMs?: number;
  /** For any byte of an opaque connection, in either direction. */
  readonly tcpIdleTimeoutMs?: number;
  readonly trunkTiming?: TrunkTiming;
  /** How connections of clients behave: limits and times. */
  readonly edge?: EdgeOptions;
  /** How HTTP/2 connections to pods behave. */
  readonly upstream?: Http2Options;
  /** What requests say of the hops before; nothing is changed without it. */
  readonly forwarding?: ForwardingConfig;
}

export interface EdgeOptions {
  readonly http1: Http1Options;
  readonly http2: Http2Options;
}

const MAX_ACTIVE_REQUESTS = 20_000;
const RESPONSE_TIMEOUT_MS = 60_000;
/** As Envoy's TCP proxy: longer than the keep-alive of common databases and brokers. */
const TCP_IDLE_TIMEOUT_MS = 3_600_000;
const SWEEP_MS = 1_000;
/** The wheel stands still while no request has a deadline. */
const DEADLINE_TICK_MS = 10;

/** The data plane of one worker: takes requests from connections and has them answered. */
export class Engine implements ExchangeEnvironment, ConnectionServer, Timed {
  readonly clock: Clock;
  readonly random: () => number;
  readonly recorder: RequestRecorder;
  readonly deadlineTimers: TimerWheel;
  readonly maxActiveRequests: number;
  readonly forwarding: ForwardingConfig;
  readonly unixOffsetMs: number;
  readonly trunks: TrunkSet;
  activeRetries = 0;
  refusesRequests = false;
  readonly #resources: CodecResources;
  readonly #pools: EndpointPools;
  readonly #active = new ActiveList<ActiveExchange>();
  readonly #timeouts: ExchangeTimeouts;
  readonly #tcpIdleTimeoutMs: number;
  readonly #edge: EdgeOptions;
  readonly #inbound = new InboundTrunks();
  readonly #mirrors = new Mirrors(this);
  #table: RouteTable<RouteMeters>;

  constructor(options: EngineOptions) {
    this.clock = options.clock;
    this.random = options.random;
    this.recorder = options.recorder;
    this.deadlineTimers = new TimerWheel(options.clock, DEADLINE_TICK_MS);
    this.maxActiveRequests = options.maxActiveRequests ?? MAX_ACTIVE_REQUESTS;
    this.forwarding = options.forwarding ?? NO_FORWARDING;
    this.unixOffsetMs = options.clock.now() - options.clock.monotonic();
    this.#edge = options.edge ?? { http1: EDGE_HTTP1, http2: EDGE_HTTP2 };
    this.#timeouts = {
      responseMs: options.responseTimeoutMs ?? RESPONSE_TIMEOUT_MS,
      bodyMs: this.#edge.http2.idleTimeoutMs,
    };
    this.#tcpIdleTimeoutMs = options.tcpIdleTimeoutMs ?? TCP_IDLE_TIMEOUT_MS;
    this.#resources = options.resources;
    this.#table = options.table;
    const rejected = (reason: RejectionReason): void => this.rejected(reason);
    const http2 = options.upstream ?? UPSTREAM_HTTP2;
    this.#pools = new EndpointPools({ ...options, http2, rejected });
    this.trunks = new TrunkSet({
      ...options,
      timing: options.trunkTiming,
      rejected,
      onPeerLost: (cluster) => {
        this.peerLost(cluster);
        options.onPeerLost(cluster);
      },
      onPeerAnswered: (cluster) => {
        this.#table.peers.peerAnswered(cluster, this.now());
        options.onPeerAnswered(cluster);
      },
    });
    this.trunks.setPeers(options.table.snapshot.peers);
    this.#resources.timers.schedule(this, SWEEP_MS);
  }

  get table(): RouteTable<RouteMeters> {
    return this.#table;
  }

  get local(): LocalCluster {
    return this.#table.snapshot.local;
  }

  get timers(): TimerWheel {
    return this.#resources.timers;
  }

  get heldBytes(): BytePool {
    return this.#resources.heldBytes;
  }

  get activeRequests(): number {
    return this.#active.size;
  }

  get memoryExhausted(): boolean {
    return this.#resources.heldBytes.exhausted;
  }

  /** From the next request on; those under way keep what they were given. */
  setTable(table: RouteTable<RouteMeters>): void {
    const before = this.#table.services;
    this.#table = table;
    this.trunks.setPeers(table.snapshot.peers);
    this.#inbound.setPeers(table.snapshot.peers);
    const { changed, removed } = mapDifference(before, table.services);
    const endpoints = [...changed.map(([key]) => key), ...removed].flatMap((key) =>
      (before.get(key)?.routes ?? []).flatMap((route) => {
        // Of those that are the same object nothing has changed.
        const now = routeOf(table.services, route.target)?.endpoints;
        return route.endpoints.filter((endpoint, index) => now?.[index] !== endpoint);
      }),
    );
    this.#pools.replaced(endpoints, upstreamPlans(table.services));
  }

  serve(socket: Socket, protocol: DownstreamProtocol, context: ConnectionContext): ServerConnection {
    const resources = this.#resources;
    if (protocol === 'tcp') return this.#serveOpaque(socket, context);
    const handler = new DownstreamConnection(this, context, protocol);
    if (protocol === 'http1') return new Http1ServerConnection(socket, this.#edge.http1, handler, resources);
    if (context.origin !== 'trunk') {
      return new Http2ServerConnection(socket, this.#edge.http2, handler, resources);
    }
    const trunk = new Http2ServerConnection(socket, TRUNK_HTTP2, handler, resources);
    this.#inbound.add(trunk, context.peerCluster);
    socket.once('close', () => this.#inbound.remove(trunk));
    return trunk;
  }

  #serveOpaque(socket: Socket, context: ConnectionContext): ServerConnection {
    const opaque = new OpaqueConnection(this, this.#resources, socket, context, this.#tcpIdleTimeoutMs);
    opaque.begin();
    return opaque;
  }

  /** Another worker's trunk to the cluster was lost. */
  peerLost(cluster: ClusterName): void {
    this.#table.peers.peerLost(cluster, this.now());
  }

  /** Another worker's trunk to the cluster answers again. */
  peerAnswered(cluster: ClusterName): void {
    this.#table.peers.peerAnswered(cluster, this.now());
    this.trunks.peerAnswered(cluster);
  }

  /** Ends what belongs to this worker alone, once its requests are finished or must be. */
  close(): void {
    this.timers.remove(this);
    this.deadlineTimers.close();
    this.trunks.close();
    this.#pools.close();
  }

  now(): number {
    return this.clock.now();
  }

  trustDomainOf(cluster: ClusterName): TrustDomain | undefined {
    return this.#table.snapshot.peers.get(cluster)?.trustDomain;
  }

  rejected(reason: RejectionReason): void {
    this.recorder.rejected(reason);
  }

  mirror(
    original: ExchangeRecord,
    to: readonly CompiledBackend[],
    endStream: boolean,
  ): RequestCopies | undefined {
    return this.#mirrors.send(original, to, endStream);
  }

  sourceOf(record: ExchangeRecord, destination: LocalDestination | TrunkDestination): ConnectionSource {
    if (destination.kind === 'trunk') return this.trunks.of(destination.cluster);
    const connections = this.#pools.of(destination.endpoint);
    return record.upgrade === undefined ? connections : connections.forUpgrades;
  }

  begun(exchange: ActiveExchange): void {
    this.#active.add(exchange);
  }

  ended(exchange: ActiveExchange): void {
    this.#active.remove(exchange);
  }

  onTick(nowMs: number): number {
    const timeouts = this.#timeouts;
    const soonestMs = Math.min(timeouts.responseMs, timeouts.bodyMs);
    this.#active.walk((exchange) => {
      if (nowMs - exchange.startedMs < soonestMs) return false;
      exchange.expire(nowMs, timeouts);
      return true;
    });
    return nowMs + SWEEP_MS;
  }
}
