import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type ClusterName, isDnsLabel } from '../model/cluster.ts';
import { hostPort } from '../model/endpoint.ts';
import { UserError } from '../model/user-error.ts';
import { failureText } from './failure-text.ts';
import { withNode } from './redis/connection.ts';
import { describeRedisFailure } from './redis/failure.ts';
import { keyPrefix } from './redis/keys.ts';
import { parseRedisUrl, type RedisLocation } from './redis/location.ts';
import { discoverNodes, type NodeAddress } from './redis/nodes.ts';

/** How sure it is that the user survives a restart of the store: the least sure of all nodes. */
export type UserPersistence = 'aclfile' | 'config' | 'memory-only';

export interface StoreUserRequest {
  /** Where the store is; credentials in it are not used. */
  readonly location: RedisLocation;
  /** A Redis user that may run ACL SETUSER, on every node. */
  readonly admin: { readonly username: string; readonly password: string };
  readonly clusterset: string;
  readonly cluster: ClusterName;
  readonly user: { readonly username: string; readonly password: string };
}

/** What a cluster's federation service calls, on its own connection or inside its scripts. */
const COMMANDS = [
  // Of the client library: connecting, and finding the node that serves a slot.
  ...['ping', 'info', 'select', 'client|setname', 'cluster|slots', 'cluster|info', 'asking'],
  ...['type', 'get', 'hmget', 'hgetall', 'hlen', 'srandmember', 'xread', 'xinfo|stream', 'eval_ro'],
  ...['eval', 'set', 'del', 'unlink', 'hset', 'hdel', 'xadd', 'rename', 'persist', 'pexpire'],
] as const;

/**
 * The rules of a cluster's user: writes under its own keys, reads everybody's, and may add to `members` and to
 * nothing else (a selector, Redis 7). The password goes as its SHA-256, so that no log of commands has it.
 */
export function userRules(
  request: Pick<StoreUserRequest, 'clusterset' | 'cluster' | 'user'>,
): readonly string[] {
  const { clusterset, cluster, user } = request;
  if (!isDnsLabel(cluster) || !/^[a-z0-9._-]+$/.test(clusterset)) {
    throw new UserError(`${cluster} of ${clusterset} is not the name of a cluster`, { exitCode: 2 });
  }
  const prefix = keyPrefix(clusterset);
  return [
    ...['reset', 'on', `#${createHash('sha256').update(user.password).digest('hex')}`],
    ...[`~${prefix}${cluster}:*`, `%R~${prefix}*`],
    ...COMMANDS.map((command) => `+${command}`),
    `(+sadd ~${prefix}members)`,
  ];
}

/** The same as a line of an ACL file, for a node that forgets its users when it restarts. It has no password in it. */
export function userLine(request: Pick<StoreUserRequest, 'clusterset' | 'cluster' | 'user'>): string {
  return `user ${request.user.username} ${userRules(request).join(' ')}\n`;
}

/**
 * Makes or replaces the user on every node, for Redis replicates no users, and has each node keep it: in its ACL
 * file, else in its configuration file; a node with neither forgets it when it restarts.
 * @throws UserError when a node cannot be reached or refuses.
 */
export async function createStoreUser(request: StoreUserRequest): Promise<UserPersistence> {
  const rules = userRules(request);
  const kept = await onEveryNode(request, async (node) => {
    await setUser(node, request.user.username, rules);
    return persist(node);
  });
  return kept.reduce(leastSure, 'aclfile');
}

async function setUser(node: Redis, username: string, rules: readonly string[]): Promise<void> {
  try {
    await node.call('acl', 'setuser', username, ...rules);
  } catch (failure) {
    if (!/ACL SETUSER modifier/.test(failureText(failure))) throw failure;
    throw new UserError('the Redis does not know the rules of a cluster’s user', {
      hint: 'use Redis 7 or newer: a cluster’s user needs key permissions and selectors',
      cause: failure,
    });
  }
}

/** Ends the user's access on every node, connections under way included. A user that is not there is no error. */
export async function removeStoreUser(
  request: Omit<StoreUserRequest, 'cluster' | 'clusterset' | 'user'> & { readonly username: string },
): Promise<UserPersistence> {
  const kept = await onEveryNode(request, async (node) => {
    await node.call('acl', 'deluser', request.username);
    return persist(node);
  });
  return kept.reduce(leastSure, 'aclfile');
}

async function onEveryNode<T>(
  { location, admin }: Pick<StoreUserRequest, 'location' | 'admin'>,
  act: (node: Redis) => Promise<T>,
): Promise<readonly T[]> {
  const asAdmin: RedisLocation = { ...location, ...admin };
  const results: T[] = [];
  for (const address of await discoverNodes(asAdmin)) {
    results.push(await onNode(asAdmin, address, act));
  }
  return results;
}

async function onNode<T>(
  location: RedisLocation,
  address: NodeAddress,
  act: (node: Redis) => Promise<T>,
): Promise<T> {
  try {
    return await withNode(location, address, act);
  } catch (failure) {
    const scheme = location.urls.some((url) => parseRedisUrl(url).tls) ? 'rediss' : 'redis';
    const urls = [`${scheme}://${hostPort(address.host, address.port)}`];
    throw describeRedisFailure(failure, { ...location, urls, sentinel: undefined, cluster: false }).error;
  }
}

/** A node has an ACL file or keeps users in its configuration file, never both. */
async function persist(node: Redis): Promise<UserPersistence> {
  if (await succeeds(node, /ACL file/i, 'acl', 'save')) return 'aclfile';
  if (await succeeds(node, /config file|NOPERM|unknown command/i, 'config', 'rewrite')) return 'config';
  return 'memory-only';
}

async function succeeds(
  node: Redis,
  expectedRefusal: RegExp,
  command: string,
  argument: string,
): Promise<boolean> {
  try {
    await node.call(command, argument);
    return true;
  } catch (failure) {
    if (failure instanceof Error && expectedRefusal.test(failure.message)) return false;
    throw failure;
  }
}

function leastSure(a: UserPersistence, b: UserPersistence): UserPersistence {
  const order: readonly UserPersistence[] = ['memory-only', 'config', 'aclfile'];
  return order.indexOf(a) < order.indexOf(b) ? a : b;
}
