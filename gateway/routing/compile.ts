import { isDeepStrictEqual } from 'node:util';
import { localityKey } from '../../federation/model/cluster.ts';
import { EarlierItems } from '../../federation/model/earlier-items.ts';
import { type Endpoint, endpointTarget } from '../../federation/model/endpoint.ts';
import type { TrustDomain } from '../../federation/model/identity.ts';
import { mapDifference } from '../../federation/model/large-map.ts';
import type { FailoverPolicy } from '../../federation/model/policy.ts';
import { carriesTls, type ServiceKey } from '../../federation/model/service.ts';
import {
  type Peer,
  type PeerHealth,
  type RoutingSnapshot,
  type ServiceOffer,
  type SnapshotPort,
  type SnapshotService,
  snapshotKey,
} from '../../federation/model/snapshot.ts';
import { hashSourceOf } from '../../federation/model/traffic-policy.ts';
import { compileAccess } from './access.ts';
import { balancingOf } from './balancing/balancing.ts';
import type { BucketLedger } from './bucket-ledger.ts';
import { CallerDirectory } from './caller-directory.ts';
import { EndpointPool, type PooledEndpoint, type PoolPolicy } from './endpoint-pool.ts';
import type { EndpointRuntime } from './endpoint-runtime.ts';
import { KnownAuthorities } from './known-authorities.ts';
import type { LocalEndpoint } from './local-endpoint.ts';
import type { PeerAvailability } from './peer-availability.ts';
import { requestHandling } from './request-handling.ts';
import { type BareRoute, type Route, routeTarget } from './route.ts';
import { RouteIndexDraft, type ServiceRoutes } from './route-index.ts';
import { RouteTable } from './route-table.ts';
import { ruleSetOf } from './rules/rule-set.ts';
import { newTierUsage, type TierUsage, workerLimit } from './tier-usage.ts';
import type { TroubledPools } from './troubled-pools.ts';
import { type UpstreamPlan, upstreamPlan } from './upstream-plan.ts';

/** What a gateway's worker brings to its route tables; the same object for all of them. */
export interface RoutingRuntime<Telemetry = unknown> {
  readonly peers: PeerAvailability;
  readonly troubled: TroubledPools;
  /** Those of all rate limits. */
  readonly buckets: BucketLedger;
  /** How many workers share the pod's bounds. */
  readonly workers: number;
  /** Gives 0 ≤ x < 1. */
  readonly random: () => number;
  /** Ports of the shared HTTP listeners: in an authority they say nothing of the service's port. */
  readonly sharedPorts: ReadonlySet<number>;
  /** Makes what is kept at a route for telemetry. */
  readonly telemetry: (route: BareRoute) => Telemetry;
  /**
   * When an endpoint that was not in the table before begins its slow start, Unix ms; without it that is the time of the
   * compilation, and what the first table has is warm.
   */
  readonly usableSinceMs?: (endpoint: Endpoint) => number;
}

/**
 * Makes a snapshot ready for requests. Services whose object is the same as in `previous` keep their routes; of
 * those that changed, the endpoints that stay keep what is known of them (requests in flight, latency, checks,
 * ejection).
 * @param nowMs Unix ms: when an endpoint that comes with this snapshot begins its slow start
 */
export function compileRouteTable<Telemetry>(
  snapshot: RoutingSnapshot,
  previous: RouteTable<Telemetry> | undefined,
  runtime: RoutingRuntime<Telemetry>,
  nowMs: number,
): RouteTable<Telemetry> {
  // Of what was there when this worker came nobody knows since when: it is as warm as everything else.
  const seenAtMs = previous === undefined ? Number.NEGATIVE_INFINITY : nowMs;
  const usableSinceMs = runtime.usableSinceMs ?? (() => seenAtMs);
  const index = new RouteIndexDraft<Telemetry>(previous?.index);
  const { changed, removed } = mapDifference(previous?.snapshot.services ?? NO_SERVICES, snapshot.services);
  for (const key of removed) index.remove(key);
  for (const [key, service] of changed) {
    index.set(
      key,
      compileService(service, previous, {
        ...runtime,
        usableSinceMs,
        trustDomain: snapshot.local.trustDomain,
      }),
    );
  }
  if (!samePlaces(snapshot, previous?.snapshot)) runtime.peers.snapshotChanged(snapshot.peers);
  const callers = previous?.callers ?? new CallerDirectory();
  callers.update(snapshot.callers, snapshot.local.trustDomain);
  const authorities = previous?.authorities ?? new KnownAuthorities();
  return new RouteTable(snapshot, index.finish(), { ...runtime, callers, authorities });
}

const NO_SERVICES: ReadonlyMap<ServiceKey, SnapshotService> = new Map();

/** Whether plans that were made from one snapshot's peers hold for the other's too. */
function samePlaces(snapshot: RoutingSnapshot, previous: RoutingSnapshot | undefined): boolean {
  if (previous === undefined || previous.peers.size !== snapshot.peers.size) return false;
  if (localityKey(snapshot.local.locality) !== localityKey(previous.local.locality)) return false;
  if (!isDeepStrictEqual(snapshot.drain, previous.drain)) return false;
  return [...snapshot.peers].every(([cluster, peer]) => sameStanding(peer, previous.peers.get(cluster)));
}

/** The age of a peer's head, which is new every few seconds, matters only for one that cannot be read. */
function sameStanding(peer: Peer, previous: Peer | undefined): boolean {
  if (previous === undefined || peer.reach !== previous.reach) return false;
  if (peer.reach === 'unreachable' && peer.lastSeenMs !== previous.lastSeenMs) return false;
  if (!isDeepStrictEqual(peer.drain, previous.drain)) return false;
  if (!isDeepStrictEqual(peer.announcedDrain, previous.announcedDrain)) return false;
  return sameHealth(peer.health, previous.health);
}

function sameHealth(health: PeerHealth, previous: PeerHealth): boolean {
  switch (health.kind) {
    case 'steady':
      return previous.kind === 'steady';
    case 'failing':
      return previous.kind === 'failing' && previous.sinceMs === health.sinceMs;
    case 'returning':
      return previous.kind === 'returning' && previous.healthySinceMs === health.healthySinceMs;
  }
}

/** What of a snapshot its routes are compiled by. */
interface Moment {
  readonly usableSinceMs: (endpoint: Endpoint) => number;
  /** Of this cluster. */
  readonly trustDomain: TrustDomain;
}

/** An endpoint that has the port. */
interface Target extends PooledEndpoint {
  readonly endpoint: Endpoint;
  /** Where it listens. */
  readonly number: number;
  /** As it was in the table before. */
  readonly known: LocalEndpoint | undefined;
}

/** What the endpoints of one route share. */
interface Place {
  readonly upstream: UpstreamPlan;
  readonly pool: EndpointPool;
  readonly policy: PoolPolicy;
  /** The route's endpoints in the table before. */
  readonly before: readonly LocalEndpoint[];
}

function compileService<Telemetry>(
  service: SnapshotService,
  previous: RouteTable<Telemetry> | undefined,
  runtime: RoutingRuntime<Telemetry> & Moment,
): ServiceRoutes<Telemetry> {
  const key = snapshotKey(service);
  const before = previous?.services.get(key)?.routes ?? [];
  const earlier = previous?.snapshot.services.get(key);
  if (
    earlier !== undefined &&
    sameFrame(earlier, service) &&
    runtime.trustDomain === previous?.snapshot.local.trustDomain
  )
    return routesOf(
      service,
      before.map((route) => recompileRoute(service, earlier, route, runtime)),
    );
  const access = compileAccess(service.access);
  // One for all ports: what is counted is counted by service.
  const handling = requestHandling(service.traffic, runtime.workers, before[0]?.handling, runtime.buckets);
  const routes = service.ports.map((port): Route<Telemetry> => {
    const last = before.find((route) => route.port.name === port.name);
    const bare = compileRoute(service, port, { access, handling }, last, runtime);
    return { ...bare, telemetry: runtime.telemetry(bare) };
  });
  return routesOf(service, routes);
}

function routesOf<Telemetry>(
  service: SnapshotService,
  routes: readonly Route<Telemetry>[],
): ServiceRoutes<Telemetry> {
  const named = service.backendOnly ? [] : routes;
  return {
    routes,
    named,
    defaultRoute: named.find((route) => route.port.protocol !== 'tcp'),
    tlsRoute: named.find((route) => carriesTls(route.port)),
  };
}

/** All but offers and endpoints are the same objects: a patch leaves them so. */
function sameFrame(one: SnapshotService, other: SnapshotService): boolean {
  return (
    one.ports === other.ports &&
    one.failover === other.failover &&
    one.traffic === other.traffic &&
    one.access === other.access &&
    one.routes === other.routes &&
    one.backendOnly === other.backendOnly
  );
}

/** A service's route when nothing of it but offers and endpoints may have changed. */
function recompileRoute<Telemetry>(
  service: SnapshotService,
  earlier: SnapshotService,
  before: Route<Telemetry>,
  runtime: Pick<RoutingRuntime, 'random'> & Moment,
): Route<Telemetry> {
  const { upstream, port, failover } = before;
  const { loadBalancing } = service.traffic;
  const place = { upstream, pool: before.state.pool, policy: poolPolicy(failover), before: before.endpoints };
  const endpoints =
    service.endpoints === earlier.endpoints
      ? before.endpoints
      : compileEndpoints(service, port, place, runtime.usableSinceMs);
  return {
    ...before,
    offers: service.offers === earlier.offers ? before.offers : routeOffers(service, port),
    endpoints,
    balancing: balancingOf(loadBalancing, endpoints, before.balancing, runtime.random),
    state: { ...before.state, plan: undefined, localHosts: undefined },
  };
}

function poolPolicy({ outlier, healthCheck }: FailoverPolicy): PoolPolicy {
  return { outlier, checked: healthCheck !== undefined };
}

/** In one order for all gateways, so that they come to the same plans. */
function routeOffers({ offers }: SnapshotService, { name }: SnapshotPort): readonly ServiceOffer[] {
  return offers
    .filter(({ ports }) => ports === undefined || ports.includes(name))
    .sort((a, b) => (a.cluster < b.cluster ? -1 : 1));
}

function compileRoute(
  service: SnapshotService,
  port: SnapshotPort,
  shared: Pick<BareRoute, 'access' | 'handling'>,
  before: BareRoute | undefined,
  runtime: Pick<RoutingRuntime, 'workers' | 'random' | 'troubled'> & Moment,
): BareRoute {
  const key = snapshotKey(service);
  const policy = poolPolicy(service.failover);
  const pool = before?.state.pool ?? new EndpointPool(key, policy, runtime.troubled);
  const usages = service.failover.tiers.map((tier, index): TierUsage => {
    const usage = before?.state.usages[index] ?? newTierUsage();
    usage.limit = workerLimit(tier.maxConcurrent, runtime.workers);
    return usage;
  });
  const upstream = upstreamPlan(service, port, runtime.trustDomain, before?.upstream);
  const place = { upstream, pool, policy, before: before?.endpoints ?? [] };
  const endpoints = compileEndpoints(service, port, place, runtime.usableSinceMs);
  const { loadBalancing } = service.traffic;
  return {
    target: routeTarget(key, port.name),
    service: service.service,
    key,
    port,
    backendOnly: service.backendOnly === true,
    failover: service.failover,
    ...shared,
    rules: ruleSetOf(service.routes, port, before?.rules, runtime.workers),
    balancing: balancingOf(loadBalancing, endpoints, before?.balancing, runtime.random),
    hashOn: hashSourceOf(loadBalancing),
    offers: routeOffers(service, port),
    upstream,
    endpoints,
    state: {
      pool,
      usages,
      shares: before?.state.shares ?? new Map(),
      turn: before?.state.turn ?? 0,
      plan: undefined,
      localHosts: undefined,
    },
  };
}

/** Endpoints that are as they were are the objects of the table before, at no cost of memory. */
function compileEndpoints(
  service: SnapshotService,
  port: SnapshotPort,
  { upstream, pool, policy, before }: Place,
  usableSinceMs: (endpoint: Endpoint) => number,
): readonly LocalEndpoint[] {
  const earlier = new EarlierItems(before);
  const targets: Target[] = [];
  for (const endpoint of service.endpoints) {
    const known = earlier.find(({ source }) => source === endpoint);
    const address = known?.address ?? endpointTarget(endpoint, port.name);
    const number = known?.port ?? endpoint.ports[port.name];
    if (address === undefined || number === undefined) continue;
    const serving = endpoint.state !== 'unready';
    targets.push({ endpoint, known, address, number, serving, usableSinceMs: usableSinceMs(endpoint) });
  }
  const endpoints: LocalEndpoint[] = [];
  for (const [index, runtime] of pool.update(targets, policy).entries()) {
    const target = targets[index];
    if (target === undefined) continue;
    const { known } = target;
    const stays = known?.runtime === runtime && known.upstream === upstream;
    endpoints.push(stays ? known : localEndpoint(target, upstream, runtime));
  }
  return endpoints;
}

function localEndpoint(
  { endpoint, address, number }: Target,
  upstream: UpstreamPlan,
  runtime: EndpointRuntime,
): LocalEndpoint {
  const { address: host, locality, state, weight = 1 } = endpoint;
  return {
    source: endpoint,
    address,
    poolKey: `${upstream.poolKey} ${address}`,
    upstream,
    host,
    port: number,
    locality,
    localityKey: localityKey(locality),
    weight,
    state,
    runtime,
  };
}
