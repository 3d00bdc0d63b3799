import { isDnsLabel, isPlaceName, type Locality } from '../model/cluster.ts';
import { type Fields, fieldsList, isFields } from '../model/fields.ts';
import { isAppProtocol } from '../model/object-label.ts';
import type { LocalityHosts, ServicePort, ServiceRecord } from '../model/service.ts';

export const MAX_TIME_MS = 8_640_000_000_000_000;
export const MAX_HOSTS = 1_000_000;
export const MAX_PORTS = 100;
export const MAX_LOCALITIES = 100;

/** What few records say. */
const RARE = [
  'otherPorts',
  'sessionAffinity',
  'internalTrafficPolicy',
  'ipFamilies',
  'trafficDistribution',
  'labels',
  'annotations',
  'addresses',
] as const;

/**
 * A record as the schema reads it, at a fraction of what that costs: hundreds change each second. undefined for anything
 * out of the ordinary: the schema says what it is then.
 */
export function plainRecord(value: unknown): ServiceRecord | undefined {
  if (!isFields(value) || RARE.some((field) => value[field] !== undefined)) return undefined;
  const { service, type, exportedAtMs, changedAtMs } = value;
  if (!isFields(service) || !isLabel(service.namespace) || !isLabel(service.name)) return undefined;
  if (type !== 'ClusterSetIP' && type !== 'Headless') return undefined;
  if (!isWhole(exportedAtMs, 0, MAX_TIME_MS) || !isWhole(changedAtMs, 0, MAX_TIME_MS)) return undefined;
  const ports = fieldsList(value.ports, MAX_PORTS, plainPort);
  const localities = fieldsList(value.localities, MAX_LOCALITIES, plainHosts);
  if (ports === undefined || localities === undefined) return undefined;
  if (!differ(ports.map(({ name }) => name)) || !differ(ports.map(({ port }) => port))) return undefined;
  if (!differ(localities.map(({ locality }) => `${locality.region}/${locality.zone}`))) return undefined;
  const { namespace, name } = service;
  return { service: { namespace, name }, type, ports, exportedAtMs, changedAtMs, localities };
}

function plainPort(given: Fields): ServicePort | undefined {
  const { name, port, protocol, appProtocol } = given;
  if (typeof name !== 'string' || (name !== '' && !isDnsLabel(name))) return undefined;
  if (!isWhole(port, 1, 65_535)) return undefined;
  if (protocol !== 'http' && protocol !== 'http2' && protocol !== 'tcp') return undefined;
  if (appProtocol === undefined) return { name, port, protocol, appProtocol };
  if (typeof appProtocol !== 'string' || !isAppProtocol(appProtocol)) return undefined;
  return { name, port, protocol, appProtocol };
}

function plainHosts(given: Fields): LocalityHosts | undefined {
  const { hosts, healthy, degraded, excluded, weight } = given;
  const locality = isFields(given.locality) ? plainLocality(given.locality) : undefined;
  if (locality === undefined || !isCount(hosts) || !isCount(healthy) || !isCount(degraded)) return undefined;
  if (!isCount(excluded) || !isCount(weight) || healthy + degraded + excluded > hosts) return undefined;
  return { locality, hosts, healthy, degraded, excluded, weight };
}

function plainLocality({ region, zone }: Fields): Locality | undefined {
  return isPlace(region) && isPlace(zone) ? { region, zone } : undefined;
}

function differ(values: readonly unknown[]): boolean {
  return values.length < 2 || new Set(values).size === values.length;
}

function isLabel(value: unknown): value is string {
  return typeof value === 'string' && isDnsLabel(value);
}

/** Empty where it is not known. */
function isPlace(value: unknown): value is string {
  return typeof value === 'string' && (value === '' || isPlaceName(value));
}

function isCount(value: unknown): value is number {
  return isWhole(value, 0, MAX_HOSTS);
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;
}
