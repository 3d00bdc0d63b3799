import type { ProvidedService } from '../../clusters/provider.ts';
import {
  type BackendGrant,
  type BackendRef,
  type MeshRoute,
  ROUTE_BOUNDS,
  type RouteFilters,
  type RouteParent,
  type RouteRule,
  type ServiceRoute,
} from '../model/mesh-route.ts';
import { type ServiceKey, serviceKey } from '../model/service.ts';
import { BackendPermits } from './backend-permits.ts';

export interface RouteSources {
  readonly meshRoutes: ReadonlyMap<string, MeshRoute>;
  readonly backendGrants: ReadonlyMap<string, BackendGrant>;
  /** The Services of this cluster, exported or not. */
  readonly services: ReadonlyMap<ServiceKey, ProvidedService>;
}

/** A route at one of its parents. */
export interface Attachment {
  readonly route: MeshRoute;
  readonly parent: RouteParent;
  /** As it holds there; undefined when it does not. */
  readonly attached: ServiceRoute | undefined;
  /** Why it does not, when that is because too much is attached to the service. */
  readonly overflow: boolean;
}

interface Usage {
  routes: number;
  matches: number;
  characters: number;
}

/**
 * Which routes hold for which service, in the order of their precedence: the oldest first, then by namespace and name
 * (Gateway API, HTTPRouteRule). A gateway compares the matches themselves first.
 */
export class RouteIndex {
  readonly attachments: readonly Attachment[];
  readonly #byService = new Map<ServiceKey, ServiceRoute[]>();
  /** By parent, the Services that its routes name as backends. */
  readonly #backends = new Map<ServiceKey, Set<ServiceKey>>();
  readonly #parents = new Map<ServiceKey, Set<ServiceKey>>();

  readonly #permits: BackendPermits;

  constructor({ meshRoutes, backendGrants, services }: RouteSources) {
    this.#permits = new BackendPermits([...backendGrants.values()], services);
    const usages = new Map<ServiceKey, Usage>();
    this.attachments = [...meshRoutes.values()]
      .sort(byPrecedence)
      .flatMap((route) => route.parents.map((parent) => this.#attach(route, parent, usages)));
  }

  /** Whether a change of this Service makes another index: what a route may name is up to whether it is exported. */
  dependsOn(service: ServiceKey): boolean {
    return this.#permits.isOutdated(service);
  }

  /** undefined when none holds for it: then every request goes to the service itself. */
  routesOf(key: ServiceKey): readonly ServiceRoute[] | undefined {
    return this.#byService.get(key);
  }

  /** The Services of this cluster that its routes name as backends, and may. */
  backendsOf(parent: ServiceKey): Iterable<ServiceKey> {
    return this.#backends.get(parent) ?? [];
  }

  /** The services whose routes name this Service of the cluster as a backend, and may. */
  parentsOf(backend: ServiceKey): readonly ServiceKey[] {
    return [...(this.#parents.get(backend) ?? [])];
  }

  get services(): Iterable<ServiceKey> {
    return this.#byService.keys();
  }

  #attach(route: MeshRoute, parent: RouteParent, usages: Map<ServiceKey, Usage>): Attachment {
    // With all of its rules left out it would turn every request away.
    if (route.rules.length === 0) return { route, parent, attached: undefined, overflow: false };
    const attached = toServiceRoute(route, parent, this.#permits);
    const key = serviceKey(parent.service);
    const usage = usages.get(key) ?? { routes: 0, matches: 0, characters: 0 };
    usages.set(key, usage);
    if (!takeRoom(usage, attached)) return { route, parent, attached: undefined, overflow: true };
    const others = this.#byService.get(key);
    if (others === undefined) this.#byService.set(key, [attached]);
    else others.push(attached);
    for (const { kind, service, fault } of backendRefs(attached)) {
      if (kind !== 'Service' || fault !== undefined) continue;
      const backend = serviceKey(service);
      this.#backends.getOrInsertComputed(key, () => new Set()).add(backend);
      this.#parents.getOrInsertComputed(backend, () => new Set()).add(key);
    }
    return { route, parent, attached, overflow: false };
  }
}

/** All that a route names, mirrors included. */
export function backendRefs(route: ServiceRoute): BackendRef[] {
  return route.rules.flatMap(({ filters, backends }) => [
    ...filters.mirrors.map((mirror) => mirror.backend),
    ...backends.flatMap((backend) => [
      backend.ref,
      ...backend.filters.mirrors.map((mirror) => mirror.backend),
    ]),
  ]);
}

function takeRoom(usage: Usage, route: ServiceRoute): boolean {
  const routes = usage.routes + 1;
  const matches = usage.matches + route.rules.reduce((total, rule) => total + rule.matches.length, 0);
  const characters = usage.characters + JSON.stringify(route).length + 1;
  if (routes > ROUTE_BOUNDS.routesPerService || matches > ROUTE_BOUNDS.matchesPerService) return false;
  if (characters > ROUTE_BOUNDS.jsonLength - 2) return false;
  Object.assign(usage, { routes, matches, characters });
  return true;
}

function byPrecedence(left: MeshRoute, right: MeshRoute): number {
  const name = (route: MeshRoute): string => `${route.namespace}/${route.name}`;
  const age = left.createdAtMs - right.createdAtMs;
  if (age !== 0) return age;
  return name(left) === name(right) ? 0 : name(left) < name(right) ? -1 : 1;
}

function toServiceRoute(route: MeshRoute, parent: RouteParent, permits: BackendPermits): ServiceRoute {
  const { kind, namespace, name } = route;
  const permit = (ref: BackendRef): BackendRef => permits.judge(ref, route, parent);
  const filters = (given: RouteFilters): RouteFilters => ({
    ...given,
    mirrors: given.mirrors.map((mirror) => ({ ...mirror, backend: permit(mirror.backend) })),
  });
  const rule = (given: RouteRule): RouteRule => ({
    ...given,
    filters: filters(given.filters),
    backends: given.backends.map((one) => ({ ...one, ref: permit(one.ref), filters: filters(one.filters) })),
  });
  return {
    kind,
    namespace,
    name,
    port: parent.port,
    sectionName: parent.sectionName,
    consumer: parent.service.namespace !== namespace,
    rules: route.rules.map(rule),
  };
}
