import { isDeepStrictEqual } from 'node:util';
import type { ClusterName } from '../model/cluster.ts';
import { namedKey, type ServiceKey } from '../model/service.ts';
import type { SnapshotService } from '../model/snapshot.ts';
import { BOUNDS } from '../wire/bounds.ts';
import { serviceFault } from '../wire/service-fields.ts';
import { type PolicyFault, withSoundPolicies } from './sound-policies.ts';

/** Told why a service is not served, by the name that people know, and undefined when it is again. */
export type OmissionListener = (service: ServiceKey, reason: string | undefined) => void;

type Services = Pick<ReadonlyMap<ServiceKey, SnapshotService>, 'size' | 'has' | 'entries'>;

/** Where a service goes. */
export type Place =
  | { readonly kind: 'there' }
  | { readonly kind: 'instead-of'; readonly other: ServiceKey }
  | { readonly kind: 'none' };

const TOO_MANY = `more than ${BOUNDS.services} services are offered`;

/**
 * Which services a snapshot takes. A gateway refuses a whole snapshot for one item that breaks the contract, so such
 * a service stays out alone; and where there are more than a snapshot may have, this cluster's own come first.
 */
export class ServiceAdmission {
  readonly #local: ClusterName;
  readonly #onOmission: OmissionListener;
  readonly #max: number;
  readonly #faults = new Map<ServiceKey, string>();
  readonly #policyFaults = new Map<ServiceKey, readonly PolicyFault[]>();
  readonly #waiting = new Set<ServiceKey>();
  #toldFull = false;

  /** @param max services in all */
  constructor(local: ClusterName, onOmission: OmissionListener, max: number = BOUNDS.services) {
    this.#local = local;
    this.#onOmission = (key, reason) => onOmission(namedKey(key), reason);
    this.#max = max;
  }

  /** What is left out and why, in sentences; too many are one sentence. */
  get problems(): readonly string[] {
    const faults = [...this.#faults]
      .slice(0, 100)
      .map(([key, fault]) => `${namedKey(key)} is not served: ${fault}`);
    for (const { id, target, fault } of this.policyFaults.slice(0, 100)) {
      faults.push(`${id} does not hold for ${target}, as gateways would refuse it: ${fault}`);
    }
    if (this.#waiting.size === 0) return faults;
    return [...faults, `${this.#waiting.size} services are not served: ${TOO_MANY}`];
  }

  /** Policies and routes that do not hold for services, which are served without them. */
  get policyFaults(): readonly PolicyFault[] {
    return [...this.#policyFaults.values()].flat();
  }

  /** Whether a service that these clusters offer has a place among those. */
  place(key: ServiceKey, offeredBy: readonly ClusterName[], services: Services): Place {
    if (offeredBy.length === 0) {
      this.#waiting.delete(key);
      this.#policyFaults.delete(key);
      if (this.#faults.delete(key)) this.#onOmission(key, undefined);
      return { kind: 'there' };
    }
    if (services.size < this.#max || services.has(key)) {
      this.#waiting.delete(key);
      return { kind: 'there' };
    }
    const other = offeredBy.includes(this.#local) ? this.#foreign(services) : undefined;
    this.#waiting.delete(key);
    this.#waiting.add(other ?? key);
    // What becomes of its policies nobody looks at while it waits.
    this.#policyFaults.delete(other ?? key);
    if (!this.#toldFull) this.#onOmission(other ?? key, TOO_MANY);
    this.#toldFull = true;
    return other === undefined ? { kind: 'none' } : { kind: 'instead-of', other };
  }

  /**
   * The service as gateways take it, without policies that they would refuse; undefined when it is the service itself.
   * @param served the version that they have
   */
  admit(key: ServiceKey, service: SnapshotService, served?: SnapshotService): SnapshotService | undefined {
    const fault = service === served ? undefined : serviceFault(service, served);
    const sound = fault === undefined ? { service, faults: [] } : withSoundPolicies(service, served);
    if (sound === undefined || sound.faults.length === 0) this.#policyFaults.delete(key);
    else this.#policyFaults.set(key, sound.faults);
    if (sound !== undefined) {
      if (this.#faults.delete(key)) this.#onOmission(key, undefined);
      if (fault === undefined) return service;
      return isDeepStrictEqual(sound.service, served) ? served : sound.service;
    }
    if (fault !== undefined && this.#faults.get(key) !== fault) {
      this.#onOmission(key, fault);
      this.#faults.set(key, fault);
    }
    return undefined;
  }

  /** Of those that found no place, as many as have one now. */
  next(services: Services): readonly ServiceKey[] {
    const free = this.#max - services.size;
    if (this.#waiting.size === 0) this.#toldFull = false;
    return free <= 0 ? [] : this.#waiting.values().take(free).toArray();
  }

  #foreign(services: Services): ServiceKey | undefined {
    for (const [key, { offers, backendOnly }] of services.entries()) {
      if (!backendOnly && offers.every(({ cluster }) => cluster !== this.#local)) return key;
    }
    return undefined;
  }
}
