import type { Redis } from 'ioredis';
import { UserError } from '../../model/user-error.ts';
import { withNode } from './connection.ts';
import { describeRedisFailure } from './failure.ts';
import { describeLocation, parseRedisUrl, type RedisLocation } from './location.ts';
import { listReply, ReplyShapeError } from './reply.ts';

export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Every server behind a location: the one, or a sentinel group's master and replicas, or all nodes of a Cluster.
 * @throws UserError when none of the URLs answers.
 */
export async function discoverNodes(location: RedisLocation): Promise<readonly NodeAddress[]> {
  const endpoints = location.urls.map(parseRedisUrl);
  const { sentinel } = location;
  if (sentinel !== undefined) {
    const { username, password } = sentinel;
    const asked = { ...location, username, password };
    return askFirst(location, asked, endpoints, (node) => replicatedNodes(node, sentinel.name));
  }
  if (location.cluster === true) return askFirst(location, location, endpoints, clusterNodes);
  return endpoints.slice(0, 1).map(({ host, port }) => ({ host, port }));
}

type Ask = (node: Redis, self: NodeAddress) => Promise<readonly NodeAddress[]>;

async function askFirst(
  location: RedisLocation,
  credentials: RedisLocation,
  endpoints: readonly NodeAddress[],
  ask: Ask,
): Promise<readonly NodeAddress[]> {
  let failure: unknown = new UserError(`${describeLocation(location)} names no server`);
  for (const endpoint of endpoints) {
    try {
      return await withNode(credentials, endpoint, (node) => ask(node, endpoint));
    } catch (error) {
      failure = error;
    }
  }
  throw describeRedisFailure(failure, location).error;
}

async function replicatedNodes(sentinel: Redis, name: string): Promise<readonly NodeAddress[]> {
  const master: unknown = await sentinel.call('sentinel', 'get-master-addr-by-name', name);
  if (master === null)
    throw new UserError(`the sentinel knows no master ${name}`, { hint: 'check store.sentinel.name' });
  const [host, port] = listReply(master);
  const replicas = listReply(await sentinel.call('sentinel', 'replicas', name)).map((replica) => {
    const fields = listReply(replica);
    const value = (key: string): unknown => fields[fields.indexOf(key) + 1];
    return address(value('ip'), value('port'));
  });
  return [address(host, port), ...replicas];
}

/** A line of CLUSTER NODES: `id host:port@busPort[,hostname] flags …`; the node itself may leave its host out. */
async function clusterNodes(node: Redis, self: NodeAddress): Promise<readonly NodeAddress[]> {
  const reply: unknown = await node.call('cluster', 'nodes');
  if (typeof reply !== 'string') throw new ReplyShapeError('a list of nodes');
  return reply
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => {
      const [, place = '', flags = ''] = line.split(' ');
      if (/noaddr|handshake/.test(flags)) return [];
      const match = /^(.*):([0-9]+)@/.exec(place);
      return [address(match?.[1] === '' ? self.host : match?.[1], match?.[2])];
    });
}

function address(host: unknown, port: unknown): NodeAddress {
  const number = Number(port);
  if (typeof host !== 'string' || !Number.isInteger(number)) throw new ReplyShapeError('an address');
  return { host, port: number };
}
