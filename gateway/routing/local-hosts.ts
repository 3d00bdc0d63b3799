import { type Locality, localityKey } from '../../federation/model/cluster.ts';
import type { LocalityHosts } from '../../federation/model/service.ts';
import type { Balancing } from './balancing/balancer.ts';
import { Candidates } from './candidates.ts';
import type { LocalDestination } from './destination.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import type { LocalEndpoint } from './local-endpoint.ts';

/** How fit an endpoint is: the provider's word, the active check and the ejection together. */
export type Fitness = 'healthy' | 'degraded' | 'excluded' | 'unhealthy';

/** Endpoints sorted by fitness. */
export interface FitEndpoints {
  readonly hosts: number;
  readonly excluded: number;
  readonly healthy: Candidates;
  readonly degraded: Candidates;
  /** For panic: all that the provider calls ready or degraded; all there are where it calls none so. */
  readonly any: Candidates;
  /** All that the provider calls ready or degraded. */
  readonly serving: Candidates;
}

/** A route's own endpoints as they are under one version of their pool. */
export interface LocalHosts {
  readonly version: number;
  readonly everywhere: FitEndpoints;
  /** By `region/zone`, in order of it. */
  readonly byLocality: ReadonlyMap<string, LocalLocality>;
}

export interface LocalLocality {
  readonly locality: Locality;
  readonly endpoints: FitEndpoints;
}

export function fitness(endpoint: LocalEndpoint): Fitness {
  const { check, ejection } = endpoint.runtime;
  if (endpoint.state === 'unready') return 'unhealthy';
  if (check === 'pending') return 'excluded';
  if (check === 'unhealthy' || ejection.kind === 'ejected') return 'unhealthy';
  return endpoint.state === 'degraded' ? 'degraded' : 'healthy';
}

export function sortLocalHosts(
  endpoints: readonly LocalEndpoint[],
  pool: EndpointPool,
  balancing: Balancing,
): LocalHosts {
  const destinations = endpoints.map(
    (endpoint): LocalDestination => ({ kind: 'local', endpoint, pool, tier: undefined }),
  );
  const byKey = Map.groupBy(destinations, ({ endpoint }) => endpoint.localityKey);
  const byLocality = new Map<string, LocalLocality>();
  for (const key of [...byKey.keys()].sort()) {
    const own = byKey.get(key) ?? [];
    const locality = own[0]?.endpoint.locality;
    if (locality !== undefined) {
      byLocality.set(key, { locality, endpoints: sortByFitness(own, key, balancing) });
    }
  }
  return { version: pool.version, everywhere: sortByFitness(destinations, undefined, balancing), byLocality };
}

/**
 * What the local offer has as this worker sees it; the weights are the offer's own. A locality that it does
 * not name weighs what it has hosts, as it would in an offer.
 */
export function localLocalities(
  hosts: LocalHosts,
  offered: readonly LocalityHosts[],
): readonly LocalityHosts[] {
  const weights = new Map(offered.map((entry) => [localityKey(entry.locality), entry.weight]));
  return [...hosts.byLocality].map(([key, { locality, endpoints }]) => ({
    locality,
    hosts: endpoints.hosts,
    healthy: endpoints.healthy.length,
    degraded: endpoints.degraded.length,
    excluded: endpoints.excluded,
    weight: weights.get(key) ?? endpoints.hosts,
  }));
}

function sortByFitness(
  destinations: readonly LocalDestination[],
  locality: string | undefined,
  balancing: Balancing,
): FitEndpoints {
  const list = (some: readonly LocalDestination[] = []) => new Candidates(some, locality, balancing);
  const sorted = Map.groupBy(destinations, ({ endpoint }) => fitness(endpoint));
  const serving = destinations.filter(({ endpoint }) => endpoint.state !== 'unready');
  return {
    hosts: destinations.length,
    excluded: sorted.get('excluded')?.length ?? 0,
    healthy: list(sorted.get('healthy')),
    degraded: list(sorted.get('degraded')),
    any: list(serving.length > 0 ? serving : destinations),
    serving: list(serving),
  };
}
