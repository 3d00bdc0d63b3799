import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import type { CodecResources } from '../http/resources.ts';
import type { Timed } from '../http/timer-wheel.ts';
import type { Http2Options } from '../http2/options.ts';
import type { LocalEndpoint } from '../routing/local-endpoint.ts';
import type { UpstreamPlan, UpstreamTlsPlan } from '../routing/upstream-plan.ts';
import type { TrunkCredentials } from '../trunk/dialler.ts';
import { type Connect, tcpConnector } from './connect.ts';
import { tlsConnector } from './connect-tls.ts';
import type { EndpointConnections, HttpPool, PoolOptions } from './connection-pool.ts';
import { openHttp1, openHttp2 } from './http-connections.ts';
import { Http1Pool } from './http1-pool.ts';
import { Http2Pool } from './http2-pool.ts';
import { type HttpVersion, NegotiatedPool } from './negotiated-pool.ts';
import { PodCredentials } from './pod-credentials.ts';
import { TcpSource } from './tcp-source.ts';

export const HTTP1_POOL: PoolOptions = {
  maxConnections: 1024,
  maxWaiting: 1024,
  maxRequests: Number.POSITIVE_INFINITY,
  maxRequestsPerConnection: Number.POSITIVE_INFINITY,
  connectTimeoutMs: 2_000,
  // Node's own servers allow 5 s, most others more.
  idleTimeoutMs: 4_000,
  freshMs: 1_000,
};

export const HTTP2_POOL: PoolOptions = {
  maxConnections: 4,
  maxWaiting: 4096,
  maxRequests: Number.POSITIVE_INFINITY,
  maxRequestsPerConnection: Number.POSITIVE_INFINITY,
  connectTimeoutMs: 2_000,
  idleTimeoutMs: 300_000,
  freshMs: 300_000,
};

/** Opaque connections: each has an exchange of its own, so none is idle or waited for. */
export const TCP_SOURCE: PoolOptions = { ...HTTP1_POOL, maxConnections: Number.POSITIVE_INFINITY };

const SWEEP_MS = 1_000;

export interface EndpointPoolsOptions {
  readonly clock: Clock;
  readonly resources: CodecResources;
  /** How HTTP/2 connections behave. */
  readonly http2: Http2Options;
  /** Of this gateway; undefined until its first SVID is there. */
  readonly credentials: () => TrunkCredentials | undefined;
  readonly rejected: (reason: RejectionReason) => void;
}

/** The connections of one worker to the pods of its own cluster, by service, transport and address. */
export class EndpointPools implements Timed {
  readonly #clock: Clock;
  readonly #resources: CodecResources;
  readonly #http2: Http2Options;
  readonly #credentials: PodCredentials;
  readonly #rejected: (reason: RejectionReason) => void;
  /** By `LocalEndpoint.poolKey`. */
  readonly #pools = new Map<string, EndpointConnections>();
  /** Whose pools were opened since routes were last replaced. */
  readonly #added = new Set<LocalEndpoint>();

  constructor(options: EndpointPoolsOptions) {
    this.#clock = options.clock;
    this.#resources = options.resources;
    this.#http2 = options.http2;
    this.#credentials = new PodCredentials(options.credentials);
    this.#rejected = options.rejected;
    this.#resources.timers.schedule(this, SWEEP_MS);
  }

  of(endpoint: LocalEndpoint): EndpointConnections {
    return this.#pools.get(endpoint.poolKey) ?? this.#add(endpoint);
  }

  /**
   * Routes were replaced. Retires the pools that none has any more: of endpoints that went, and of those that are spoken
   * to otherwise now. The others have the limits of the new plans. Endpoints of other routes are not looked at: a
   * cluster has a quarter of a million, and changes many times a second.
   * @param before the endpoints of the routes that were replaced
   * @param planOf what holds for an endpoint now; undefined = no route has it
   */
  replaced(
    before: Iterable<LocalEndpoint>,
    planOf: (endpoint: LocalEndpoint) => UpstreamPlan | undefined,
  ): void {
    for (const endpoint of before) this.#review(endpoint, planOf);
    // A request that was under way may have opened one for an endpoint that had gone already.
    for (const endpoint of this.#added) this.#review(endpoint, planOf);
    this.#added.clear();
  }

  #review(endpoint: LocalEndpoint, planOf: (endpoint: LocalEndpoint) => UpstreamPlan | undefined): void {
    const pool = this.#pools.get(endpoint.poolKey);
    if (pool === undefined) return;
    const plan = planOf(endpoint);
    if (plan !== undefined) {
      pool.adapt(plan.limits);
      return;
    }
    this.#pools.delete(endpoint.poolKey);
    pool.retire();
  }

  onTick(nowMs: number): number {
    for (const pool of this.#pools.values()) pool.sweep(nowMs);
    return nowMs + SWEEP_MS;
  }

  close(): void {
    this.#resources.timers.remove(this);
    for (const pool of this.#pools.values()) pool.retire();
    this.#pools.clear();
  }

  #add(endpoint: LocalEndpoint): EndpointConnections {
    const pool = this.#make(endpoint);
    pool.adapt(endpoint.upstream.limits);
    this.#pools.set(endpoint.poolKey, pool);
    this.#added.add(endpoint);
    return pool;
  }

  #make(endpoint: LocalEndpoint): EndpointConnections {
    const { protocol, tls } = endpoint.upstream;
    switch (protocol) {
      case 'http':
        return tls === undefined
          ? this.#http('http/1.1', this.#connector(endpoint, undefined))
          : this.#negotiated(endpoint, tls);
      case 'http2':
        return this.#http('h2', this.#connector(endpoint, tls));
      case 'tcp': {
        // TLS may bring the pod's first bytes along with its handshake's end, before there is a stream for them.
        const connect = this.#connector(endpoint, tls, { ownReads: tls !== undefined });
        return new TcpSource({
          connect,
          resources: this.#resources,
          defaults: TCP_SOURCE,
          rejected: this.#rejected,
        });
      }
    }
  }

  #negotiated(endpoint: LocalEndpoint, tls: UpstreamTlsPlan): NegotiatedPool {
    return new NegotiatedPool({
      connect: this.#connector(endpoint, tls),
      pool: (version, connect) => this.#http(version, connect),
      // Few pods take a WebSocket over HTTP/2 (RFC 8441); browsers do not ask them for it either.
      forUpgrades: this.#http('http/1.1', this.#connector(endpoint, tls, { alpn: ['http/1.1'] })),
      options: HTTP1_POOL,
      rejected: this.#rejected,
    });
  }

  #http(version: HttpVersion, connect: Connect): HttpPool {
    const resources = this.#resources;
    const place = { connect, clock: this.#clock, rejected: this.#rejected };
    return version === 'http/1.1'
      ? new Http1Pool(
          { ...place, wrap: (socket, handler) => openHttp1(socket, handler, resources) },
          HTTP1_POOL,
        )
      : new Http2Pool(
          { ...place, wrap: (socket, handler) => openHttp2(socket, handler, resources, this.#http2) },
          HTTP2_POOL,
        );
  }

  #connector(
    endpoint: LocalEndpoint,
    plan: UpstreamTlsPlan | undefined,
    given: { readonly ownReads?: boolean; readonly alpn?: UpstreamTlsPlan['alpn'] } = {},
  ): Connect {
    const options = { clock: this.#clock, reads: given.ownReads ? undefined : this.#resources.reads };
    if (plan === undefined) return tcpConnector(endpoint, options);
    const alpn = given.alpn ?? plan.alpn;
    const tls = { plan, alpn, credentials: this.#credentials, rejected: this.#rejected };
    return tlsConnector(endpoint, { ...options, ...tls });
  }
}
