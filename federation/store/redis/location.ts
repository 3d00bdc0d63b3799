import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { hostPort } from '../../model/endpoint.ts';
import { UserError } from '../../model/user-error.ts';

/** How a Redis is reached, and as whom. Holds secrets: never print it. */
export interface RedisLocation {
  /** `redis://host:port` or `rediss://host:port` (TLS); of the server, the sentinels, or some cluster nodes. */
  readonly urls: readonly string[];
  /** An ACL user (Redis 6); undefined = `default`. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** PEM of the only authorities to trust; undefined = the system's. */
  readonly caPem?: string | undefined;
  /** The URLs are sentinels that know the named master. */
  readonly sentinel?:
    | {
        readonly name: string;
        readonly username?: string | undefined;
        readonly password?: string | undefined;
      }
    | undefined;
  /** The URLs are nodes of a Redis Cluster. */
  readonly cluster?: boolean | undefined;
}

export interface RedisEndpoint {
  readonly host: string;
  readonly port: number;
  readonly database: number;
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/** @throws UserError naming the URL without what could be a password. */
export function parseRedisUrl(text: string): RedisEndpoint {
  let url: URL;
  try {
    url = new URL(text);
  } catch (failure) {
    throw badUrl('a store URL cannot be parsed', failure);
  }
  const { protocol, hostname, port, pathname } = url;
  if (protocol !== 'redis:' && protocol !== 'rediss:') {
    throw badUrl(`store URL with scheme ${JSON.stringify(protocol)} is not for Redis`);
  }
  const database = /^\/?([0-9]{0,5})$/.exec(pathname)?.[1];
  if (hostname === '' || database === undefined)
    throw badUrl('a store URL has no host, or more than a database number');
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? 6379 : Number(port),
    database: Number(database),
    tls: protocol === 'rediss:',
    username: url.username === '' ? undefined : decodeURIComponent(url.username),
    password: url.password === '' ? undefined : decodeURIComponent(url.password),
  };
}

/** For messages: all addresses, nothing secret. */
export function describeLocation(location: RedisLocation): string {
  const endpoints = location.urls.map(parseRedisUrl);
  const addresses = endpoints.map(({ host, port }) => hostPort(host, port)).join(', ');
  const scheme = endpoints[0]?.tls === true ? 'rediss' : 'redis';
  if (location.sentinel !== undefined)
    return `master ${location.sentinel.name} of the sentinels ${addresses}`;
  if (location.cluster === true) return `the Redis Cluster at ${addresses}`;
  return `${scheme}://${addresses}`;
}

export function userOf(location: RedisLocation): string {
  const [url] = location.urls;
  return location.username ?? (url === undefined ? undefined : parseRedisUrl(url).username) ?? 'default';
}

/** Undefined for a connection without TLS. */
export function tlsOptions(endpoint: RedisEndpoint, location: RedisLocation): ConnectionOptions | undefined {
  if (!endpoint.tls) return undefined;
  return {
    ...(location.caPem === undefined ? {} : { ca: location.caPem }),
    ...(isIP(endpoint.host) === 0 ? { servername: endpoint.host } : {}),
  };
}

function badUrl(message: string, cause?: unknown): UserError {
  return new UserError(message, {
    hint: 'write it as redis://host:port, or rediss://host:port for TLS',
    cause,
  });
}
