import { z } from 'zod';
import { isDnsLabel, isPlaceName } from '../model/cluster.ts';
import { isAppProtocol } from '../model/object-label.ts';
import { type ServiceKey, type ServiceRecord, serviceKey } from '../model/service.ts';
import { addressesText, addressFields } from './address-fields.ts';
import { MAX_RECORD_BYTES } from './limits.ts';
import { MAX_HOSTS, MAX_LOCALITIES, MAX_PORTS, MAX_TIME_MS, plainRecord } from './plain-record.ts';
import { firstFault } from './schema-fault.ts';
import { traitFields, traitsText } from './trait-fields.ts';

const label = z.string().refine(isDnsLabel, 'must be an RFC 1123 label');
const timeMs = z.int().min(0).max(MAX_TIME_MS);
const hosts = z.int().min(0).max(MAX_HOSTS);
/** Empty where it is not known. */
const topology = z.string().refine((name) => name === '' || isPlaceName(name));

export const localitySchema = z.object({ region: topology, zone: topology });

const portName = z
  .string()
  .refine((name) => name === '' || isDnsLabel(name), 'must be empty or an RFC 1123 label');
const portNumber = z.int().min(1).max(65_535);
const appProtocol = z.string().refine(isAppProtocol, 'must be a qualified name').optional();

const portSchema = z
  .object({
    name: portName,
    port: portNumber,
    protocol: z.enum(['http', 'http2', 'tcp']),
    appProtocol,
  })
  // The key is there also when it has no value, as in every other record of this process.
  .transform(({ name, port, protocol, appProtocol }) => ({ name, port, protocol, appProtocol }));

const otherPortSchema = z
  .object({ name: portName, port: portNumber, transport: z.enum(['UDP', 'SCTP']), appProtocol })
  .transform(({ name, port, transport, appProtocol }) => ({ name, port, transport, appProtocol }));

const localityHostsSchema = z
  .object({
    locality: localitySchema,
    hosts,
    healthy: hosts,
    degraded: hosts,
    excluded: hosts,
    weight: z.int().min(0).max(MAX_HOSTS),
  })
  .refine((counts) => counts.healthy + counts.degraded + counts.excluded <= counts.hosts, {
    message: 'more hosts are counted by state than there are',
  });

/**
 * Fields that are not known are left out, so that a newer release can add some: such a field is optional, its absence means
 * what was so before there was one, and whoever ignores it does no harm. Anything else needs a new SCHEMA_VERSION.
 */
export const recordSchema = z.object({
  service: z.object({ namespace: label, name: label }),
  type: z.enum(['ClusterSetIP', 'Headless']),
  ports: z.array(portSchema).max(MAX_PORTS).refine(hasUniquePorts, 'two ports have the same name or number'),
  otherPorts: z.array(otherPortSchema).min(1).max(100).optional(),
  exportedAtMs: timeMs,
  changedAtMs: timeMs,
  localities: z
    .array(localityHostsSchema)
    .max(MAX_LOCALITIES)
    .refine(hasUniqueLocalities, 'a locality occurs twice'),
  ...traitFields,
  ...addressFields,
});

/** The text that is stored and hashed: the same for equal records. */
export function encodeRecord(record: ServiceRecord): string {
  return JSON.stringify({
    service: { namespace: record.service.namespace, name: record.service.name },
    type: record.type,
    ports: record.ports.map(({ name, port, protocol, appProtocol }) => ({
      name,
      port,
      protocol,
      appProtocol,
    })),
    otherPorts: record.otherPorts?.map(({ name, port, transport, appProtocol }) => ({
      name,
      port,
      transport,
      appProtocol,
    })),
    exportedAtMs: record.exportedAtMs,
    changedAtMs: record.changedAtMs,
    localities: record.localities.map(({ locality, hosts, healthy, degraded, excluded, weight }) => ({
      locality: { region: locality.region, zone: locality.zone },
      hosts,
      healthy,
      degraded,
      excluded,
      weight,
    })),
    ...traitsText(record),
    ...addressesText(record.addresses),
  });
}

/** @throws Error naming the field when the text is not a record of the service that the field names. */
export function parseRecord(field: ServiceKey, text: string): ServiceRecord {
  const shown = JSON.stringify(field.slice(0, 200));
  if (Buffer.byteLength(text) > MAX_RECORD_BYTES) {
    throw new Error(`record of ${shown} is longer than ${MAX_RECORD_BYTES} bytes`);
  }
  const value = parseJson(text, shown);
  const record = plainRecord(value) ?? checked(value, shown);
  if (serviceKey(record.service) !== field) {
    throw new Error(`record of ${shown} is of another service, ${serviceKey(record.service)}`);
  }
  return record;
}

function checked(value: unknown, shown: string): ServiceRecord {
  const parsed = recordSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(`record of ${shown} is malformed: ${firstFault(parsed.error)}`);
}

function parseJson(text: string, shown: string): unknown {
  try {
    return JSON.parse(text);
  } catch (failure) {
    throw new Error(`record of ${shown} is not JSON`, { cause: failure });
  }
}

function hasUniquePorts(ports: readonly { readonly name: string; readonly port: number }[]): boolean {
  const names = new Set(ports.map((port) => port.name));
  const numbers = new Set(ports.map((port) => port.port));
  return names.size === ports.length && numbers.size === ports.length;
}

function hasUniqueLocalities(
  localities: readonly { readonly locality: { readonly region: string; readonly zone: string } }[],
): boolean {
  const keys = new Set(localities.map(({ locality }) => `${locality.region}/${locality.zone}`));
  return keys.size === localities.length;
}
