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
 * Which routes hold for which service, its own before those of consumers, each in the order of their precedence: the oldest
 * first, then by namespace and name (Gateway API, HTTPRouteRule). A gateway compares the matches themselves first.
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
    const usages = new Map<string, Usage>();
    // Whoever may create routes in any namespace must not take the room of the service's own.
    const { producers = [], consumers = [] } = Object.groupBy(
      [...meshRoutes.values()]
        .sort(byPrecedence)
        .flatMap((route) => route.parents.map((parent) => ({ route, parent }))),
      ({ route, parent }) => (isConsumer(route, parent) ? 'consumers' : 'producers'),
    );
    this.attachments = [...producers, ...consumers].map(({ route, parent }) =>
      this.#attach(route, parent, usages),
    );
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

  #attach(route: MeshRoute, parent: RouteParent, usages: Map<string, Usage>): Attachment {
    // With all of its rules left out it would turn every request away.
    if (route.rules.length === 0) return { route, parent, attached: undefined, overflow: false };
    const attached = toServiceRoute(route, parent, this.#permits);
    const key = serviceKey(parent.service);
    const usageOf = (name: string): Usage =>
      usages.getOrInsertComputed(name, () => ({ routes: 0, matches: 0, characters: 0 }));
    const own = attached.consumer ? usageOf(`${key} ${route.namespace}`) : undefined;
    if (!takeRoom(usageOf(key), own, attached)) return { route, parent, attached: undefined, overflow: true };
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

function isConsumer(route: MeshRoute, parent: RouteParent): boolean {
  return parent.service.namespace !== route.namespace;
}

/** @param own of the consumers' namespace that it is of, which takes a part of the room at most */
function takeRoom(all: Usage, own: Usage | undefined, route: ServiceRoute): boolean {
  const more: Usage = {
    routes: 1,
    matches: route.rules.reduce((total, rule) => total + rule.matches.length, 0),
    characters: JSON.stringify(route).length + 1,
  };
  const [after, ownAfter] = [sum(all, more), own && sum(own, more)];
  if (!fits(after, 1) || (ownAfter && !fits(ownAfter, ROUTE_BOUNDS.consumerShare))) return false;
  Object.assign(all, after);
  if (own !== undefined) Object.assign(own, ownAfter);
  return true;
}

function sum(one: Usage, other: Usage): Usage {
  return {
    routes: one.routes + other.routes,
    matches: one.matches + other.matches,
    characters: one.characters + other.characters,
  };
}

function fits({ routes, matches, characters }: Usage, share: number): boolean {
  const { routesPerService, matchesPerService, jsonLength } = ROUTE_BOUNDS;
  if (routes > routesPerService * share || matches > matchesPerService * share) return false;
  return characters <= jsonLength * share - 2;
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
    consumer: isConsumer(route, parent),
    rules: route.rules.map(rule),
  };
}
