import type { Workload } from '../../federation/model/caller.ts';
import { podAddresses, podWorkload } from '../schema/pod-schema.ts';
import type { ResourceSet } from './resource-set.ts';

/** Whose pod has which address. An address that two pods claim at a time is nobody's. */
export class CallerIndex {
  readonly callers = new Map<string, Workload>();
  /** By address and pod. */
  readonly #claims = new Map<string, Map<string, Workload>>();
  readonly #addressesOf = new Map<string, readonly string[]>();

  /** Takes over objects that may have changed; returns the addresses that are somebody else's now. */
  update(ids: Iterable<string>, resources: ResourceSet): readonly string[] {
    const touched = new Set<string>();
    for (const id of ids) {
      if (!id.startsWith('Pod/')) continue;
      for (const address of this.#addressesOf.get(id) ?? []) {
        this.#claims.get(address)?.delete(id);
        touched.add(address);
      }
      this.#addressesOf.delete(id);
      const resource = resources.get(id)?.resource;
      if (resource?.kind !== 'Pod') continue;
      const addresses = podAddresses(resource);
      for (const address of addresses) this.#claim(address, id, podWorkload(resource), touched);
      if (addresses.length > 0) this.#addressesOf.set(id, addresses);
    }
    return [...touched].filter((address) => this.#settle(address));
  }

  #claim(address: string, id: string, workload: Workload, touched: Set<string>): void {
    const claims = this.#claims.get(address) ?? new Map<string, Workload>();
    claims.set(id, workload);
    this.#claims.set(address, claims);
    touched.add(address);
  }

  /** True when it changed hands. */
  #settle(address: string): boolean {
    const claims = this.#claims.get(address);
    if (claims?.size === 0) this.#claims.delete(address);
    const [only] = claims?.size === 1 ? claims.values() : [];
    const before = this.callers.get(address);
    if (only === undefined) return this.callers.delete(address);
    this.callers.set(address, only);
    return before?.namespace !== only.namespace || before.serviceAccount !== only.serviceAccount;
  }
}
