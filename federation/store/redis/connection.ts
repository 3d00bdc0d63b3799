import type { Duplex } from 'node:stream';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { UserError } from '../../model/user-error.ts';
import { backoffMs } from '../../runtime/backoff.ts';
import type { Clock } from '../../runtime/clock.ts';
import { MAX_SET_BYTES } from '../limits.ts';
import { ConnectingError } from '../probe.ts';
import { parseRedisUrl, type RedisEndpoint, type RedisLocation, tlsOptions } from './location.ts';

type RedisClient = Redis | Cluster;

const RECONNECT = { baseMs: 100, maxMs: 1000 };
const LEAST_RECONNECT_MS = 50;
const CONNECT_TIMEOUT_MS = 3000;
/** A whole set, the largest reply that is asked for, and what surrounds it. */
const MAX_REPLY_BYTES = 2 * MAX_SET_BYTES;

/** ioredis's own words for a command that found no connection. */
const NO_CONNECTION =
  /writeable|isn't ready|Connection is closed|max retries per request|Failed to refresh slots/;

export interface ConnectionOptions {
  readonly location: RedisLocation;
  readonly clock: Clock;
  readonly random: () => number;
  /** ioredis collects a reply of any size; past this the connection is cut. */
  readonly maxReplyBytes?: number;
}

export type Argument = string | number | Buffer;

/**
 * One connection (to each node of a Cluster), made again with jitter when it breaks. A command that finds none
 * fails at once, and with the reason why there is none.
 */
export class RedisConnection {
  readonly #client: RedisClient;
  readonly #clock: Clock;
  readonly #random: () => number;
  #outage: Error | undefined;
  /** What came in since the last reply that was complete. */
  #openReplyBytes = 0;
  #closed = false;

  /** @throws UserError when the location itself is wrong. */
  constructor({ location, clock, random, maxReplyBytes = MAX_REPLY_BYTES }: ConnectionOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#client = connectRedis(location, random, (failure) => {
      this.#outage = failure;
    });
    this.#client.on('end', () => this.#revive());
    this.onSocket((socket) => {
      this.#openReplyBytes = 0;
      socket.on('data', (chunk: Buffer) => {
        this.#openReplyBytes += chunk.length;
        if (this.#openReplyBytes > maxReplyBytes) socket.destroy(new Error('a reply has no end'));
      });
    });
  }

  /** Bulk strings come as Buffers. @throws Redis's reply or the connection's own error. */
  async call(command: string, ...args: readonly Argument[]): Promise<unknown> {
    try {
      const reply: unknown = await this.#client.callBuffer(command, ...args);
      this.#outage = undefined;
      this.#openReplyBytes = 0;
      return reply;
    } catch (failure) {
      this.#openReplyBytes = 0;
      const hasNone = failure instanceof Error && NO_CONNECTION.test(failure.message);
      if (!hasNone) throw failure;
      throw this.#outage ?? new ConnectingError('there is no connection', { cause: failure });
    }
  }

  /** Waits while the connection is being made, at most `withinMs`. */
  async ready(withinMs: number): Promise<void> {
    if (this.#client.status === 'ready') return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.after(withinMs, resolve);
    this.#client.once('ready', resolve);
    await promise;
    cancel();
    this.#client.off('ready', resolve);
  }

  /** Calls back when a connection was made or lost. */
  onChange(listener: () => void): void {
    this.#client.on('ready', listener);
    this.#client.on('close', listener);
  }

  /** Calls back with each socket that is opened, to a node that is told or was found. */
  onSocket(listener: (socket: Duplex) => void): void {
    const watch = (node: Redis): void => {
      node.on('connect', () => listener(node.stream));
    };
    if (this.#client instanceof Cluster) this.#client.on('+node', watch);
    else watch(this.#client);
  }

  /** Drops the connection, which may be dead without a sign, and makes it again. */
  renew(): void {
    this.#client.disconnect(true);
  }

  close(): void {
    this.#closed = true;
    this.#client.disconnect();
  }

  /**
   * ioredis gives up for good when a connection is dropped while it is being made: a failover that is noticed, or a
   * silence, at a bad moment.
   */
  #revive(): void {
    if (this.#closed) return;
    this.#clock.after(reconnectMs(0, this.#random), () => {
      if (this.#closed) return;
      // What is wrong comes as an 'error' event too, and is followed by another 'end'.
      this.#client.connect().catch((failure: Error) => {
        this.#outage = failure;
      });
    });
  }
}

function reconnectMs(attempt: number, random: () => number): number {
  return LEAST_RECONNECT_MS + backoffMs(RECONNECT, attempt, random);
}

/** How often a connection is tried again, and nothing else: commands fail at once while there is none. */
function commonOptions(location: RedisLocation, random: () => number) {
  const [first] = location.urls;
  const url = first === undefined ? undefined : parseRedisUrl(first);
  const password = location.password ?? url?.password;
  const username = location.username ?? url?.username;
  return {
    protocol: 2,
    enableOfflineQueue: false,
    // A write whose answer was lost must be looked for, not sent again.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    connectionName: 'isthmus',
    disableClientInfo: true,
    retryStrategy: (attempt: number) => reconnectMs(attempt, random),
    // After a failover the old master answers so: the connection is to be made anew.
    reconnectOnError: (failure: Error) => /^(READONLY|UNBLOCKED)/.test(failure.message),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  } as const satisfies RedisOptions;
}

function connectRedis(
  location: RedisLocation,
  random: () => number,
  onError: (failure: Error) => void,
): RedisClient {
  const endpoints = location.urls.map(parseRedisUrl);
  const [first] = endpoints;
  if (first === undefined) throw new UserError('no store URL is given', { hint: 'set store.urls' });
  const options = commonOptions(location, random);
  if (location.cluster === true) return connectCluster(location, endpoints, options, random, onError);
  const client =
    location.sentinel === undefined
      ? new Redis({ ...options, ...nodeOptions(first, location) })
      : connectSentinel(location, location.sentinel, endpoints, options, random);
  client.on('error', onError);
  client.on('sentinelError', onError);
  return client;
}

/**
 * Acts on one server alone, whatever the location says: for what must be done on each node.
 * @throws the reason why it cannot be reached, or what `act` throws.
 */
export async function withNode<T>(
  location: RedisLocation,
  { host, port }: { readonly host: string; readonly port: number },
  act: (node: Redis) => Promise<T>,
): Promise<T> {
  const tls = location.urls.some((url) => parseRedisUrl(url).tls);
  const endpoint = { host, port, database: 0, tls, username: undefined, password: undefined };
  const node = new Redis({
    ...commonOptions(location, Math.random),
    ...nodeOptions(endpoint, location),
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
  });
  let outage: Error | undefined;
  node.on('error', (failure: Error) => {
    outage = failure;
  });
  try {
    await node.connect();
    return await act(node);
  } catch (failure) {
    throw outage ?? failure;
  } finally {
    node.disconnect();
  }
}

function nodeOptions(endpoint: RedisEndpoint, location: RedisLocation): RedisOptions {
  const { host, port, database } = endpoint;
  const tls = tlsOptions(endpoint, location);
  return { host, port, db: database, ...(tls === undefined ? {} : { tls }) };
}

function connectSentinel(
  location: RedisLocation,
  sentinel: NonNullable<RedisLocation['sentinel']>,
  endpoints: readonly RedisEndpoint[],
  options: ReturnType<typeof commonOptions>,
  random: () => number,
): Redis {
  const [first] = endpoints;
  const tls = unnamedTls(location, first);
  return new Redis({
    ...options,
    name: sentinel.name,
    sentinels: endpoints.map(({ host, port }) => ({ host, port })),
    sentinelRetryStrategy: (attempt) => reconnectMs(attempt, random),
    failoverDetector: true,
    db: first?.database ?? 0,
    ...(sentinel.username === undefined ? {} : { sentinelUsername: sentinel.username }),
    ...(sentinel.password === undefined ? {} : { sentinelPassword: sentinel.password }),
    ...(tls === undefined ? {} : { tls, sentinelTLS: tls, enableTLSForSentinelMode: true }),
  });
}

function connectCluster(
  location: RedisLocation,
  endpoints: readonly RedisEndpoint[],
  options: ReturnType<typeof commonOptions>,
  random: () => number,
  onError: (failure: Error) => void,
): Cluster {
  const [first] = endpoints;
  const { retryStrategy: _ofNodes, enableOfflineQueue, ...redisOptions } = options;
  const tls = unnamedTls(location, first);
  const cluster = new Cluster(
    endpoints.map(({ host, port }) => ({ host, port })),
    {
      enableOfflineQueue,
      clusterRetryStrategy: (attempt) => reconnectMs(attempt, random),
      // Names are left to the connection, so that certificates are checked against them.
      dnsLookup: (address, callback) => callback(null, address),
      slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
      redisOptions: { ...redisOptions, ...(tls === undefined ? {} : { tls }) },
    },
  );
  cluster.on('error', (failure: Error & { lastNodeError?: Error }) =>
    onError(failure.lastNodeError ?? failure),
  );
  cluster.on('node error', onError);
  return cluster;
}

/** For nodes that are told by other nodes: each certificate is checked against the address that was told. */
function unnamedTls(location: RedisLocation, first: RedisEndpoint | undefined): TlsOptions | undefined {
  if (first?.tls !== true) return undefined;
  return location.caPem === undefined ? {} : { ca: location.caPem };
}
