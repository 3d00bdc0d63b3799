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
  readonly byTarget: ReadonlyMap<RouteTarget, Route<Telemetry>>;
  readonly byListenPort: ReadonlyMap<number, Route<Telemetry>>;
}

const NO_ROUTES: RouteIndex<never> = { services: new Map(), byTarget: new Map(), byListenPort: new Map() };

/**
 * The next index, out of the one before: only what changed is changed, for a clusterset of thousands of services does so
 * many times a second.
 */
export class RouteIndexDraft<Telemetry> {
  readonly #services: MapDraft<ServiceKey, ServiceRoutes<Telemetry>>;
  readonly #byTarget: MapDraft<RouteTarget, Route<Telemetry>>;
  readonly #byListenPort: MapDraft<number, Route<Telemetry>>;

  constructor(before: RouteIndex<Telemetry> = NO_ROUTES) {
    this.#services = new MapDraft(before.services);
    this.#byTarget = new MapDraft(before.byTarget);
    this.#byListenPort = new MapDraft(before.byListenPort);
  }

  set(key: ServiceKey, service: ServiceRoutes<Telemetry>): void {
    this.remove(key);
    this.#services.set(key, service);
    for (const route of service.routes) {
      this.#byTarget.set(route.target, route);
      if (route.port.listenPort !== undefined) this.#byListenPort.set(route.port.listenPort, route);
    }
  }

  remove(key: ServiceKey): void {
    for (const route of this.#services.get(key)?.routes ?? []) {
      this.#byTarget.delete(route.target);
      const { listenPort } = route.port;
      // Another service may have been given the port since.
      if (listenPort !== undefined && this.#byListenPort.get(listenPort) === route) {
        this.#byListenPort.delete(listenPort);
      }
    }
    this.#services.delete(key);
  }

  finish(): RouteIndex<Telemetry> {
    return {
      services: this.#services.finish(),
      byTarget: this.#byTarget.finish(),
      byListenPort: this.#byListenPort.finish(),
    };
  }
}
