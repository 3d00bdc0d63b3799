import { localityKey } from '../../federation/model/cluster.ts';
import { endpointTarget } from '../../federation/model/endpoint.ts';
import { type ServiceKey, serviceKey } from '../../federation/model/service.ts';
import type { RoutingSnapshot, SnapshotPort, SnapshotService } from '../../federation/model/snapshot.ts';
import { compileAccess } from './access.ts';
import { powerOfTwo } from './balancing/power-of-two.ts';
import { EndpointPool } from './endpoint-pool.ts';
import type { LocalEndpoint } from './local-endpoint.ts';
import type { PeerAvailability } from './peer-availability.ts';
import { type BareRoute, type Route, routeTarget } from './route.ts';
import { RouteTable, type ServiceRoutes } from './route-table.ts';
import { newTierUsage, type TierUsage, workerLimit } from './tier-usage.ts';

/** What a gateway's worker brings to its route tables; the same object for all of them. */
export interface RoutingRuntime<Telemetry = unknown> {
  readonly peers: PeerAvailability;
  /** How many workers share the pod's bounds. */
  readonly workers: number;
  /** Gives 0 ≤ x < 1. */
  readonly random: () => number;
  /** Ports of the shared HTTP listeners: in an authority they say nothing of the service's port. */
  readonly sharedPorts: ReadonlySet<number>;
  /** Makes what is kept at a route for telemetry. */
  readonly telemetry: (route: BareRoute) => Telemetry;
}

/**
 * Makes a snapshot ready for requests. Services whose object is the same as in `previous` keep their routes; of
 * those that changed, the endpoints that stay keep what is known of them (requests in flight, latency, checks,
 * ejection).
 */
export function compileRouteTable<Telemetry>(
  snapshot: RoutingSnapshot,
  previous: RouteTable<Telemetry> | undefined,
  runtime: RoutingRuntime<Telemetry>,
): RouteTable<Telemetry> {
  const services = new Map<ServiceKey, ServiceRoutes<Telemetry>>();
  for (const [key, service] of snapshot.services) {
    const before = previous?.services.get(key);
    const same = before !== undefined && previous?.snapshot.services.get(key) === service;
    services.set(key, same ? before : compileService(service, previous, runtime));
  }
  if (!samePeers(snapshot, previous?.snapshot)) runtime.peers.snapshotChanged(snapshot.peers);
  return new RouteTable(snapshot, services, runtime.peers, runtime.sharedPorts);
}

function samePeers(snapshot: RoutingSnapshot, previous: RoutingSnapshot | undefined): boolean {
  if (previous === undefined || previous.peers.size !== snapshot.peers.size) return false;
  const { region, zone } = previous.local.locality;
  if (snapshot.local.locality.region !== region || snapshot.local.locality.zone !== zone) return false;
  return [...snapshot.peers].every(([cluster, peer]) => previous.peers.get(cluster) === peer);
}

function compileService<Telemetry>(
  service: SnapshotService,
  previous: RouteTable<Telemetry> | undefined,
  runtime: RoutingRuntime<Telemetry>,
): ServiceRoutes<Telemetry> {
  const access = compileAccess(service.access);
  const routes = service.ports.map((port): Route<Telemetry> => {
    const before = previous?.byTarget(routeTarget(serviceKey(service.service), port.name));
    const bare = compileRoute(service, port, access, before, runtime);
    return { ...bare, telemetry: runtime.telemetry(bare) };
  });
  return { routes, defaultRoute: routes.find((route) => route.port.protocol !== 'tcp') };
}

function compileRoute(
  service: SnapshotService,
  port: SnapshotPort,
  access: BareRoute['access'],
  before: BareRoute | undefined,
  runtime: Pick<RoutingRuntime, 'workers' | 'random'>,
): BareRoute {
  const key = serviceKey(service.service);
  const policy = { outlier: service.failover.outlier, checked: service.failover.healthCheck !== undefined };
  const pool = before?.state.pool ?? new EndpointPool(policy);
  const usages = service.failover.tiers.map((tier, index): TierUsage => {
    const usage = before?.state.usages[index] ?? newTierUsage();
    usage.limit = workerLimit(tier.maxConcurrent, runtime.workers);
    return usage;
  });
  return {
    target: routeTarget(key, port.name),
    service: service.service,
    key,
    port,
    failover: service.failover,
    access,
    // In one order for all gateways, so that they come to the same plans.
    offers: service.offers
      .filter((offer) => offer.ports === undefined || offer.ports.includes(port.name))
      .sort((a, b) => (a.cluster < b.cluster ? -1 : 1)),
    endpoints: compileEndpoints(service, port, pool, policy),
    state: {
      pool,
      usages,
      balancer: before?.state.balancer ?? powerOfTwo(runtime.random),
      shares: before?.state.shares ?? new Map(),
      turn: before?.state.turn ?? 0,
      plan: undefined,
      localHosts: undefined,
    },
  };
}

function compileEndpoints(
  service: SnapshotService,
  port: SnapshotPort,
  pool: EndpointPool,
  policy: { readonly outlier: SnapshotService['failover']['outlier']; readonly checked: boolean },
): readonly LocalEndpoint[] {
  const targets = service.endpoints.flatMap((endpoint) => {
    const address = endpointTarget(endpoint, port.name);
    const number = endpoint.ports[port.name];
    return address === undefined || number === undefined ? [] : [{ endpoint, address, number }];
  });
  const runtimes = pool.update(
    targets.map((target) => target.address),
    policy,
  );
  return targets.flatMap(({ endpoint, address, number }): LocalEndpoint[] => {
    const runtime = runtimes.get(address);
    if (runtime === undefined) return [];
    const { address: host, locality, state } = endpoint;
    return [{ address, host, port: number, locality, localityKey: localityKey(locality), state, runtime }];
  });
}
