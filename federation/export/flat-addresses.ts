import type { ProvidedService } from '../../clusters/provider.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { AddressGroup, FlatAddresses, FlatHost } from '../model/flat-network.ts';

/** Of the 32 KiB that a record has. Some 250 pods with names, 400 without; those that are ready come first. */
const MAX_TEXT = 16_384;
const MAX_GROUPS = 16;

/** What clusters of the same network may know of a headless service; undefined where there is nothing to know. */
export function flatAddresses(
  { type, endpoints }: Pick<ProvidedService, 'type' | 'endpoints'>,
  network: string | undefined,
): FlatAddresses | undefined {
  if (network === undefined || type !== 'Headless') return undefined;
  const groups = new Map<string, { ports: AddressGroup['ports']; hosts: FlatHost[] }>();
  let room = MAX_TEXT;
  for (const endpoint of [...endpoints].sort(byReadiness)) {
    const ports = Object.entries(endpoint.ports).sort();
    const name = JSON.stringify(ports);
    const known = groups.get(name);
    const hosts = flatHosts(endpoint);
    room -= JSON.stringify(hosts).length + (known === undefined ? name.length : 0);
    if (room < 0 || (known === undefined && groups.size >= MAX_GROUPS)) break;
    if (known === undefined) groups.set(name, { ports: Object.fromEntries(ports), hosts });
    else known.hosts.push(...hosts);
  }
  return { network, groups: [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group) };
}

function flatHosts({ address, otherAddress, hostname, state }: Endpoint): FlatHost[] {
  const host = { ...(hostname === undefined ? {} : { hostname }), ready: state === 'ready' };
  const first = { address, ...host };
  return otherAddress === undefined ? [first] : [first, { address: otherAddress, ...host }];
}

function byReadiness(a: Endpoint, b: Endpoint): number {
  return Number(b.state === 'ready') - Number(a.state === 'ready') || (a.address < b.address ? -1 : 1);
}
