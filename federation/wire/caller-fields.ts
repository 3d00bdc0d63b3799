import type { MessageInitShape } from '@bufbuild/protobuf';
import { addressBlock, type CallerGroup, type CallerGroupKey, callerGroupKey } from '../model/caller.ts';
import { BOUNDS } from './bounds.ts';
import { host, label, listOf, plainText, understood, WireError } from './field-checks.ts';
import type * as wire from './gen/federation_pb.ts';

const IPV4_BYTES = 4;
const SERVICE_ACCOUNT_LENGTH = 253;
const SERVICE_ACCOUNT = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;

export function callerGroupToWire(group: CallerGroup): MessageInitShape<typeof wire.CallerGroupSchema> {
  const { namespace, serviceAccount, addresses } = group;
  const ipv4 = addresses.filter((address) => !address.includes(':'));
  return {
    namespace,
    serviceAccount,
    ipv4: new Uint8Array(ipv4.flatMap((address) => address.split('.').map(Number))),
    others: addresses.filter((address) => address.includes(':')),
  };
}

/** Key and value of the snapshot's map. */
export function callerGroupFromWire(message: wire.CallerGroup): readonly [CallerGroupKey, CallerGroup] {
  understood(message);
  const namespace = label('namespace', message.namespace);
  const serviceAccount = plainText('service_account', message.serviceAccount, SERVICE_ACCOUNT_LENGTH);
  if (!SERVICE_ACCOUNT.test(serviceAccount)) {
    throw new WireError(`service_account: ${JSON.stringify(serviceAccount)} is no name`);
  }
  const others = listOf('others', message.others, BOUNDS.callersPerGroup, (text) => host('', text));
  const addresses = [...ipv4Addresses(message.ipv4), ...others];
  const blocks = new Set(addresses.map(addressBlock));
  const [block] = blocks;
  if (block === undefined) throw new WireError('ipv4: there is no address');
  if (blocks.size > 1) throw new WireError('ipv4: the addresses do not begin alike');
  const group = { namespace, serviceAccount, block, addresses };
  return [callerGroupKey(group), group];
}

function ipv4Addresses(bytes: Uint8Array): string[] {
  if (bytes.length % IPV4_BYTES !== 0) throw new WireError(`ipv4: ${bytes.length} bytes are no addresses`);
  if (bytes.length / IPV4_BYTES > BOUNDS.callersPerGroup) throw new WireError('ipv4: too many addresses');
  const addresses: string[] = [];
  for (let at = 0; at < bytes.length; at += IPV4_BYTES) {
    addresses.push(`${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`);
  }
  return addresses;
}
