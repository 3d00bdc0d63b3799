import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { isDnsLabel, isPlaceName } from '../model/cluster.ts';
import type { FlatAddresses } from '../model/flat-network.ts';

const MAX_GROUPS = 16;
const MAX_HOSTS = 1000;
const MAX_PORTS = 100;

/** What no pod of another cluster has, and what an API server refuses in an EndpointSlice. */
const NOWHERE = nowhere();
/** Apart from the others, for in one list it would cover all of IPv4. */
const MAPPED = mapped();

const address = z.string().refine(isReachable, 'must be an IP address of a pod');
const portName = z.string().refine((name) => name === '' || isDnsLabel(name));

/** The field of a record that holds a headless service's addresses. */
export const addressFields = {
  addresses: z
    .object({
      network: z.string().refine((name) => name !== '' && isPlaceName(name)),
      groups: z
        .array(
          z.object({
            ports: z
              .record(portName, z.int().min(1).max(65_535))
              .refine((ports) => Object.keys(ports).length <= MAX_PORTS),
            hosts: z
              .array(
                z.object({
                  address,
                  hostname: z.string().refine(isDnsLabel).optional(),
                  ready: z.boolean(),
                }),
              )
              .max(MAX_HOSTS),
          }),
        )
        .max(MAX_GROUPS),
    })
    .optional(),
};

/** The same text for equal addresses. */
export function addressesText(addresses: FlatAddresses | undefined): { readonly addresses?: FlatAddresses } {
  if (addresses === undefined) return {};
  const groups = addresses.groups.map(({ ports, hosts }) => ({
    ports: Object.fromEntries(Object.entries(ports).sort()),
    hosts: hosts.map(({ address, hostname, ready }) => ({ address, hostname, ready })),
  }));
  return { addresses: { network: addresses.network, groups } };
}

function isReachable(text: string): boolean {
  const family = isIP(text);
  if (family === 0 || text.includes('%')) return false;
  if (family === 4) return !NOWHERE.check(text, 'ipv4');
  return !NOWHERE.check(text, 'ipv6') && !MAPPED.check(text, 'ipv6');
}

function nowhere(): BlockList {
  const list = new BlockList();
  for (const [net, prefix] of [
    ['0.0.0.0', 8],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
    ['224.0.0.0', 4],
    ['240.0.0.0', 4],
  ] as const) {
    list.addSubnet(net, prefix, 'ipv4');
  }
  for (const [net, prefix] of [
    ['::', 127],
    ['fe80::', 10],
    ['ff00::', 8],
  ] as const) {
    list.addSubnet(net, prefix, 'ipv6');
  }
  return list;
}

/** IPv4 in IPv6 (RFC 4291 section 2.5.5.2). */
function mapped(): BlockList {
  const list = new BlockList();
  list.addSubnet('::ffff:0:0', 96, 'ipv6');
  return list;
}
