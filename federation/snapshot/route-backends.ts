import type { ProvidedService } from '../../clusters/provider.ts';
import type { FindingsOfGateway } from '../export/host-verdict.ts';
import { isKept, serviceRecord } from '../export/service-record.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { ServiceKey, ServiceRecord } from '../model/service.ts';
import type { RouteIndex } from './route-index.ts';

/** A Service of this cluster that it does not export, and that a route of a service of the clusterset names as a backend. */
export interface RouteBackendService {
  /** As if it were exported, which is never said to peers. */
  readonly record: ServiceRecord;
  readonly endpoints: readonly Endpoint[];
}

export interface RouteBackendSources {
  readonly services: ReadonlyMap<ServiceKey, ProvidedService>;
  readonly routes: RouteIndex;
  /** Whether any cluster offers the service. */
  readonly isOffered: (key: ServiceKey) => boolean;
  /** What each reporting gateway of this cluster finds. */
  readonly reports: readonly FindingsOfGateway[];
}

/**
 * undefined where there is no such Service, one that is exported, or none that gateways would send anything to. Whether others
 * offer a service of its name makes no difference: a route that names the Service means this one (GEP-1748).
 */
export function routeBackendService(
  key: ServiceKey,
  { services, routes, isOffered, reports }: RouteBackendSources,
): RouteBackendService | undefined {
  const provided = services.get(key);
  if (!isKept(provided) || !routes.parentsOf(key).some(isOffered)) return undefined;
  const { endpoints, changedAtMs } = provided;
  return { record: serviceRecord({ ...provided, exportedAtMs: changedAtMs }, reports), endpoints };
}
