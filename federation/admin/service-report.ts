import type { ClusterName } from '../model/cluster.ts';
import { namedKey, type ServiceKey, type ServiceType } from '../model/service.ts';
import type { PeerHealth, RoutingSnapshot, SnapshotService } from '../model/snapshot.ts';

/** A service of the clusterset, as `/services` tells of it. */
export interface ServiceReport {
  readonly service: ServiceKey;
  readonly type: ServiceType;
  /** This cluster does not export it: only its routes lead to it. */
  readonly backendOnly?: true;
  /** Whether this cluster offers it to others: `pending` = the store does not have it yet. */
  readonly exported: 'published' | 'pending' | 'no';
  readonly ports: readonly { readonly name: string; readonly port: number; readonly protocol: string }[];
  readonly clusters: readonly OfferReport[];
  /** Where exports disagree. */
  readonly conflicts: readonly string[];
}

export interface OfferReport {
  readonly cluster: ClusterName;
  /** Endpoints, and those of them that take requests. */
  readonly hosts: number;
  readonly healthy: number;
  readonly health: PeerHealth['kind'];
}

export interface ServiceSources {
  readonly snapshot: RoutingSnapshot | undefined;
  readonly isSaid: (key: ServiceKey) => boolean;
  readonly isPublished: (key: ServiceKey) => boolean;
  readonly disputesOf: (
    key: ServiceKey,
  ) => readonly { readonly cluster: ClusterName; readonly message: string }[];
}

/** Every service of a snapshot, by its name. */
export function serviceReports(sources: ServiceSources): readonly ServiceReport[] {
  const services = [...(sources.snapshot?.services ?? [])];
  return services
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, service]) => reportOf(key, service, sources));
}

function reportOf(key: ServiceKey, service: SnapshotService, sources: ServiceSources): ServiceReport {
  const waits = sources.isSaid(key) ? 'pending' : 'no';
  return {
    service: namedKey(key),
    type: service.type,
    ...(service.backendOnly ? { backendOnly: true } : {}),
    exported: sources.isPublished(key) ? 'published' : waits,
    ports: service.ports.map(({ name, port, protocol }) => ({ name, port, protocol })),
    clusters: service.offers.map(({ cluster, localities, health }) => ({
      cluster,
      hosts: localities.reduce((sum, { hosts }) => sum + hosts, 0),
      healthy: localities.reduce((sum, { healthy }) => sum + healthy, 0),
      health: health.kind,
    })),
    conflicts: sources.disputesOf(key).map(({ cluster, message }) => `${cluster}: ${message}`),
  };
}
