import type { ServiceKey } from '../../federation/model/service.ts';
import type { Route, RouteTarget } from './route.ts';

/** The routes of one service. */
export interface ServiceRoutes<Telemetry> {
  readonly routes: readonly Route<Telemetry>[];
  /** Where an authority without a port leads: the first HTTP port. */
  readonly defaultRoute: Route<Telemetry> | undefined;
  /** Where a TLS server name leads: the first port that carries TLS. */
  readonly tlsRoute: Route<Telemetry> | undefined;
}

/**
 * All routes, by what they are looked up by. A new table begins with a copy of the one before and changes only what
 * changed: a clusterset of thousands of services changes many times a second.
 */
export class RouteIndex<Telemetry> {
  readonly #services: Map<ServiceKey, ServiceRoutes<Telemetry>>;
  readonly #byTarget: Map<RouteTarget, Route<Telemetry>>;
  readonly #byListenPort: Map<number, Route<Telemetry>>;

  constructor(before?: RouteIndex<Telemetry>) {
    this.#services = new Map(before?.services);
    this.#byTarget = new Map(before?.byTarget);
    this.#byListenPort = new Map(before?.byListenPort);
  }

  get services(): ReadonlyMap<ServiceKey, ServiceRoutes<Telemetry>> {
    return this.#services;
  }

  get byTarget(): ReadonlyMap<RouteTarget, Route<Telemetry>> {
    return this.#byTarget;
  }

  get byListenPort(): ReadonlyMap<number, Route<Telemetry>> {
    return this.#byListenPort;
  }

  copy(): RouteIndex<Telemetry> {
    return new RouteIndex(this);
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
}
