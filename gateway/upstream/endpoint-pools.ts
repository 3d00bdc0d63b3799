import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { PortProtocol } from '../../federation/model/service.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import type { CodecResources } from '../http/resources.ts';
import type { Timed } from '../http/timer-wheel.ts';
import type { Http2Options } from '../http2/options.ts';
import type { LocalEndpoint } from '../routing/local-endpoint.ts';
import type { PoolOptions } from './connection-pool.ts';
import type { ConnectionSource } from './connection-source.ts';
import { openHttp1, openHttp2 } from './http-connections.ts';
import { Http1Pool } from './http1-pool.ts';
import { Http2Pool } from './http2-pool.ts';
import { TcpSource } from './tcp-source.ts';

export const HTTP1_POOL: PoolOptions = {
  maxConnections: 1024,
  maxWaiting: 1024,
  connectTimeoutMs: 2_000,
  // Node's own servers allow 5 s, most others more.
  idleTimeoutMs: 4_000,
  freshMs: 1_000,
};

export const HTTP2_POOL: PoolOptions = {
  maxConnections: 4,
  maxWaiting: 4096,
  connectTimeoutMs: 2_000,
  idleTimeoutMs: 300_000,
  freshMs: 300_000,
};

const SWEEP_MS = 1_000;

interface EndpointPool extends ConnectionSource {
  /** @param nowMs monotonic */
  sweep(nowMs: number): void;
  retire(): void;
}

/** The connections of one worker to the pods of its own cluster, by protocol and address. */
export class EndpointPools implements Timed {
  readonly #clock: Clock;
  readonly #resources: CodecResources;
  readonly #http2: Http2Options;
  readonly #rejected: (reason: RejectionReason) => void;
  readonly #pools: Readonly<Record<PortProtocol, Map<string, EndpointPool>>> = {
    http: new Map(),
    http2: new Map(),
    tcp: new Map(),
  };

  constructor(
    clock: Clock,
    resources: CodecResources,
    http2: Http2Options,
    rejected: (reason: RejectionReason) => void,
  ) {
    this.#clock = clock;
    this.#resources = resources;
    this.#http2 = http2;
    this.#rejected = rejected;
    resources.timers.schedule(this, SWEEP_MS);
  }

  of(endpoint: LocalEndpoint, protocol: PortProtocol): ConnectionSource {
    return this.#pools[protocol].get(endpoint.address) ?? this.#add(endpoint, protocol);
  }

  /** Retires the pools of endpoints that no route has any more. */
  retain(endpoints: ReadonlySet<string>): void {
    for (const pools of Object.values(this.#pools)) {
      for (const [address, pool] of pools) {
        if (endpoints.has(address)) continue;
        pools.delete(address);
        pool.retire();
      }
    }
  }

  onTick(nowMs: number): number {
    for (const pools of Object.values(this.#pools)) for (const pool of pools.values()) pool.sweep(nowMs);
    return nowMs + SWEEP_MS;
  }

  close(): void {
    this.#resources.timers.remove(this);
    this.retain(new Set());
  }

  #add(endpoint: LocalEndpoint, protocol: PortProtocol): EndpointPool {
    const pool = this.#make(endpoint, protocol);
    this.#pools[protocol].set(endpoint.address, pool);
    return pool;
  }

  #make(endpoint: LocalEndpoint, protocol: PortProtocol): EndpointPool {
    const resources = this.#resources;
    const { reads } = resources;
    const place = { target: endpoint, clock: this.#clock, reads, rejected: this.#rejected };
    switch (protocol) {
      case 'http':
        return new Http1Pool(
          { ...place, wrap: (socket, handler) => openHttp1(socket, handler, resources) },
          HTTP1_POOL,
        );
      case 'http2':
        return new Http2Pool(
          { ...place, wrap: (socket, handler) => openHttp2(socket, handler, resources, this.#http2) },
          HTTP2_POOL,
        );
      case 'tcp':
        return new TcpSource(endpoint, resources, {
          timeoutMs: HTTP1_POOL.connectTimeoutMs,
          clock: this.#clock,
        });
    }
  }
}
