import type { ProvidedService } from '../../clusters/provider.ts';
import { localityKey } from '../model/cluster.ts';
import { type Endpoint, hostPort } from '../model/endpoint.ts';
import type { LocalityHosts, ServiceKey, ServiceRecord } from '../model/service.ts';
import { serviceKey, traitsOf } from '../model/service.ts';
import { flatAddresses } from './flat-addresses.ts';
import { type FindingsOfGateway, type HostVerdict, hostVerdict } from './host-verdict.ts';

type Counts = { -readonly [name in keyof LocalityHosts]: LocalityHosts[name] };

/**
 * What this cluster says of a service that it exports: counts by locality, in the order of their names. A locality
 * weighs as much as it has hosts, so that each host gets the same share.
 * @param reports what each reporting gateway of this cluster finds
 * @param network this cluster's, where its pods can be reached by others of the same one
 */
export function serviceRecord(
  provided: ProvidedService & { readonly exportedAtMs: number },
  reports: readonly FindingsOfGateway[],
  network?: string,
): ServiceRecord {
  const addresses = flatAddresses(provided, network);
  return {
    service: provided.service,
    type: provided.type,
    ports: provided.ports,
    ...(provided.otherPorts === undefined ? {} : { otherPorts: provided.otherPorts }),
    exportedAtMs: provided.exportedAtMs,
    changedAtMs: provided.changedAtMs,
    localities: countHosts(provided, reports),
    ...traitsOf(provided),
    ...(addresses === undefined ? {} : { addresses }),
  };
}

/** True for a service that the clusterset may see. */
export function isExported(
  provided: ProvidedService | undefined,
): provided is ProvidedService & { readonly exportedAtMs: number } {
  return provided?.exportedAtMs !== undefined;
}

/** True for a Service that is of this cluster alone. */
export function isKept(provided: ProvidedService | undefined): provided is ProvidedService {
  return provided !== undefined && !isExported(provided);
}

/** None of a service that the clusterset may not see. */
export function exportedEndpoints(provided: ProvidedService | undefined): readonly Endpoint[] {
  return isExported(provided) ? provided.endpoints : [];
}

function countHosts(
  provided: ProvidedService,
  reports: readonly FindingsOfGateway[],
): readonly LocalityHosts[] {
  const key = serviceKey(provided.service);
  const byLocality = new Map<string, Counts>();
  // Of most services no gateway finds anything, and they have many endpoints.
  const isFound = reports.some((report) => report.has(key));
  for (const endpoint of provided.endpoints) {
    const place = localityKey(endpoint.locality);
    const counts = byLocality.getOrInsertComputed(place, () => noHosts(endpoint));
    countHost(counts, endpoint, isFound ? verdictOf(key, endpoint, reports) : 'as-provided');
  }
  return [...byLocality].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, counts]) => counts);
}

function verdictOf(
  key: ServiceKey,
  { address, ports }: Endpoint,
  reports: readonly FindingsOfGateway[],
): HostVerdict {
  const addresses = Object.values(ports).map((port) => hostPort(address, port));
  return hostVerdict(key, addresses, reports);
}

function noHosts({ locality }: Endpoint): Counts {
  return { locality, hosts: 0, healthy: 0, degraded: 0, excluded: 0, weight: 0 };
}

function countHost(counts: Counts, endpoint: Endpoint, verdict: HostVerdict): void {
  counts.hosts++;
  counts.weight++;
  if (endpoint.state === 'unready' || verdict === 'unhealthy') return;
  if (verdict === 'excluded') counts.excluded++;
  else if (endpoint.state === 'degraded') counts.degraded++;
  else counts.healthy++;
}

/** True when two records say the same, whenever they said it. */
export function sameRecord(a: ServiceRecord | undefined, b: ServiceRecord): boolean {
  // Where anything changed, it is the counts as a rule.
  if (a === undefined || !sameCounts(a.localities, b.localities)) return false;
  return JSON.stringify({ ...a, changedAtMs: 0 }) === JSON.stringify({ ...b, changedAtMs: 0 });
}

function sameCounts(a: readonly LocalityHosts[], b: readonly LocalityHosts[]): boolean {
  return a.length === b.length && a.every(({ healthy }, index) => healthy === b[index]?.healthy);
}
