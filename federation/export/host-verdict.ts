import type { ServiceKey } from '../model/service.ts';
import type { EndpointFinding, EndpointFindingState } from '../wire/health-report.ts';

/** What the gateways together say of a host, beside what the provider says. */
export type HostVerdict = 'as-provided' | 'unhealthy' | 'excluded';

/** One gateway's findings: by service, by `address:port`. */
export type FindingsOfGateway = ReadonlyMap<ServiceKey, ReadonlyMap<string, EndpointFindingState>>;

export function groupFindings(findings: readonly EndpointFinding[]): FindingsOfGateway {
  const groups = new Map<ServiceKey, Map<string, EndpointFindingState>>();
  for (const { service, address, state } of findings) {
    groups.getOrInsertComputed(service, () => new Map()).set(address, state);
  }
  return groups;
}

/** The services of which two reports of one gateway say different things. */
export function changedFindings(before: FindingsOfGateway, after: FindingsOfGateway): Set<ServiceKey> {
  const changed = new Set<ServiceKey>();
  for (const [service, states] of after) if (!sameStates(before.get(service), states)) changed.add(service);
  for (const service of before.keys()) if (!after.has(service)) changed.add(service);
  return changed;
}

function sameStates(
  a: ReadonlyMap<string, EndpointFindingState> | undefined,
  b: ReadonlyMap<string, EndpointFindingState>,
): boolean {
  if (a?.size !== b.size) return false;
  for (const [address, state] of b) if (a.get(address) !== state) return false;
  return true;
}

/**
 * A host is unhealthy when more than half of the reporting gateways find one of its addresses failing or ejected:
 * one gateway with a broken network must not take a service away from the clusterset. It is excluded when it is not
 * unhealthy and more than half still wait for its first check.
 * @param addresses the `address:port` of each of the host's ports
 */
export function hostVerdict(
  service: ServiceKey,
  addresses: readonly string[],
  reports: readonly FindingsOfGateway[],
): HostVerdict {
  let failing = 0;
  let pending = 0;
  for (const report of reports) {
    const states = report.get(service);
    if (states === undefined) continue;
    const found = addresses.map((address) => states.get(address));
    if (found.some((state) => state === 'unhealthy' || state === 'ejected')) failing++;
    else if (found.includes('pending')) pending++;
  }
  if (failing * 2 > reports.length) return 'unhealthy';
  return pending * 2 > reports.length ? 'excluded' : 'as-provided';
}
