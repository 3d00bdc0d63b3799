import { mapDifference } from '../../federation/model/large-map.ts';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import {
  backendKey,
  namedKey,
  type ServiceKey,
  type ServiceName,
  serviceKey,
} from '../../federation/model/service.ts';
import { RouteMeters } from './route-meters.ts';

/** Everything that one worker counts. */
export class MeterTable {
  /** For requests that found no route. */
  readonly unrouted = new RouteMeters(undefined);
  readonly #services = new Map<ServiceKey, RouteMeters>();
  #kept: ReadonlyMap<ServiceKey, unknown> = new Map();
  readonly rejected = new Map<RejectionReason, number>();
  readonly connectionsOpen = new Map<string, number>();

  /** The meters of a service's name, the same ones for its whole life. Called when a snapshot is compiled. */
  service(service: ServiceName): RouteMeters {
    const key = serviceKey(service);
    let meters = this.#services.get(key);
    if (meters === undefined) {
      meters = new RouteMeters(service);
      this.#services.set(key, meters);
    }
    return meters;
  }

  /**
   * Forgets services that are gone, so that a clusterset in which names come and go does not fill the memory.
   * What was counted for them and not yet scraped goes with them.
   */
  keepOnly(services: ReadonlyMap<ServiceKey, unknown>): void {
    const isKept = (key: ServiceKey): boolean => services.has(key) || services.has(backendKey(key));
    for (const key of mapDifference(this.#kept, services).removed.map(namedKey)) {
      if (!isKept(key)) this.#services.delete(key);
    }
    this.#kept = services;
    if (this.#services.size <= services.size) return;
    // Of a snapshot that was not put in force after all.
    for (const key of this.#services.keys()) if (!isKept(key)) this.#services.delete(key);
  }

  *all(): Iterable<RouteMeters> {
    yield this.unrouted;
    yield* this.#services.values();
  }

  countRejected(reason: RejectionReason): void {
    this.rejected.set(reason, (this.rejected.get(reason) ?? 0) + 1);
  }

  connectionOpened(listener: string): void {
    this.connectionsOpen.set(listener, (this.connectionsOpen.get(listener) ?? 0) + 1);
  }

  connectionClosed(listener: string): void {
    this.connectionsOpen.set(listener, (this.connectionsOpen.get(listener) ?? 0) - 1);
  }
}
