import { MapDraft } from '../../federation/model/large-map.ts';
import type { ServiceKey } from '../../federation/model/service.ts';
import type { Route, RouteTarget } from './route.ts';

/** The routes of one service. */
export interface ServiceRoutes<Telemetry> {
  readonly routes: readonly Route<Telemetry>[];
  /** Those of them that a client can name: none where only rules of other services lead to it. */
  readonly named: readonly Route<Telemetry>[];
  /** Where an authority without a port leads: the first HTTP port. */
  readonly defaultRoute: Route<Telemetry> | undefined;
  /** Where a TLS server name leads: the first port that carries TLS. */
  readonly tlsRoute: Route<Telemetry> | undefined;
}

/** All routes, by what they are looked up by. */
export interface RouteIndex<Telemetry> {
  readonly services: ReadonlyMap<ServiceKey, ServiceRoutes<Telemetry>>;
  /** By port number; targets stay when routes are compiled anew. */
  readonly byListenPort: ReadonlyMap<number, RouteTarget>;
}

const NO_ROUTES: RouteIndex<never> = { services: new Map(), byListenPort: new Map() };

/** By `namespace/name:port name`. */
export function routeOf<Telemetry>(
  services: RouteIndex<Telemetry>['services'],
  target: RouteTarget,
): Route<Telemetry> | undefined {
  const key = target.slice(0, Math.max(0, target.lastIndexOf(':')));
  return services.get(key)?.routes.find((route) => route.target === target);
}

/**
 * The next index, out of the one before: only what changed is changed, for a clusterset of thousands of services does so
 * many times a second.
 */
export class RouteIndexDraft<Telemetry> {
  readonly #services: MapDraft<ServiceKey, ServiceRoutes<Telemetry>>;
  readonly #byListenPort: MapDraft<number, RouteTarget>;

  constructor(before: RouteIndex<Telemetry> = NO_ROUTES) {
    this.#services = new MapDraft(before.services);
    this.#byListenPort = new MapDraft(before.byListenPort);
  }

  set(key: ServiceKey, service: ServiceRoutes<Telemetry>): void {
    const ports = new Set(service.routes.map(({ port }) => port.listenPort));
    this.#giveUp(key, (listenPort) => !ports.has(listenPort));
    this.#services.set(key, service);
    for (const { target, port } of service.routes) {
      const { listenPort } = port;
      if (listenPort !== undefined && this.#byListenPort.get(listenPort) !== target)
        this.#byListenPort.set(listenPort, target);
    }
  }

  remove(key: ServiceKey): void {
    this.#giveUp(key, () => true);
    this.#services.delete(key);
  }

  #giveUp(key: ServiceKey, isGone: (listenPort: number) => boolean): void {
    for (const { target, port } of this.#services.get(key)?.routes ?? []) {
      const { listenPort } = port;
      // Another service may have been given the port since.
      if (listenPort === undefined || this.#byListenPort.get(listenPort) !== target) continue;
      if (isGone(listenPort)) this.#byListenPort.delete(listenPort);
    }
  }

  finish(): RouteIndex<Telemetry> {
    return {
      services: this.#services.finish(),
      byListenPort: this.#byListenPort.finish(),
    };
  }
}
