import type { ProvidedService } from '../../clusters/provider.ts';
import { isKept } from '../export/service-record.ts';
import type { BackendGrant, BackendRef, MeshRoute, RouteParent } from '../model/mesh-route.ts';
import { type ServiceKey, serviceKey } from '../model/service.ts';

/**
 * Which backends a route may name. What the clusterset offers in the namespace of the route's parent, the parent's callers
 * reach anyway. All else in another namespace than the route's must be granted there (ReferenceGrant), also a Service in the
 * parent's namespace that this cluster keeps to itself: nobody reaches it but by this route.
 */
export class BackendPermits {
  readonly #grants: readonly BackendGrant[];
  readonly #services: ReadonlyMap<ServiceKey, ProvidedService>;
  /** The Services on whose export an answer hung, and whether they were kept then. */
  readonly #asked = new Map<ServiceKey, boolean>();

  constructor(grants: readonly BackendGrant[], services: ReadonlyMap<ServiceKey, ProvidedService>) {
    this.#grants = grants;
    this.#services = services;
  }

  /** Whether an answer that was given would be another now that this Service has changed. */
  isOutdated(service: ServiceKey): boolean {
    const wasKept = this.#asked.get(service);
    return wasKept !== undefined && wasKept !== isKept(this.#services.get(service));
  }

  /** The reference itself, or with its fault. */
  judge(ref: BackendRef, route: MeshRoute, parent: RouteParent): BackendRef {
    const { namespace } = ref.service;
    if (ref.fault !== undefined || namespace === route.namespace || this.#isGranted(ref, route)) return ref;
    const isReached = namespace === parent.service.namespace && !this.#isKept(ref);
    return isReached ? ref : { ...ref, fault: 'RefNotPermitted' };
  }

  #isKept({ kind, service }: BackendRef): boolean {
    if (kind !== 'Service') return false;
    const key = serviceKey(service);
    const kept = isKept(this.#services.get(key));
    this.#asked.set(key, kept);
    return kept;
  }

  #isGranted({ kind, service: { namespace, name } }: BackendRef, route: MeshRoute): boolean {
    return this.#grants.some(
      (grant) =>
        grant.namespace === namespace &&
        grant.from.some((from) => from.kind === route.kind && from.namespace === route.namespace) &&
        grant.to.some((to) => to.kind === kind && (to.name === undefined || to.name === name)),
    );
  }
}
