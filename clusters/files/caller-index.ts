import type { Workload } from '../../federation/model/caller.ts';

/** Who a pod is, and the addresses that are its alone. */
export interface PodCaller {
  readonly workload: Workload;
  readonly addresses: readonly string[];
}

interface KnownWorkload {
  readonly workload: Workload;
  pods: number;
}

/**
 * Whose pod has which address. An address that two pods claim at a time is nobody's. A cluster may have hundreds of thousands of
 * pods: of each its key and its addresses are kept, and of each service account one object.
 */
export class CallerIndex {
  readonly callers = new Map<string, Workload>();
  readonly #pods = new Map<string, PodCaller>();
  /** Whose pods claim an address that several do. */
  readonly #contested = new Map<string, readonly Workload[]>();
  readonly #workloads = new Map<string, KnownWorkload>();

  /** The same object for all pods of a service account. */
  workload(namespace: string, serviceAccount: string): Workload {
    return this.#known({ namespace, serviceAccount }).workload;
  }

  /**
   * Takes over what pods are now; undefined = gone, or nobody.
   * @param pods by what names a pod, always in the same way
   * @returns the addresses that are somebody else's now
   */
  update(pods: Iterable<readonly [pod: string, now: PodCaller | undefined]>): readonly string[] {
    const before = new Map<string, Workload | undefined>();
    for (const [pod, now] of pods) {
      const last = this.#pods.get(pod);
      for (const address of [...(last?.addresses ?? []), ...(now?.addresses ?? [])]) {
        if (!before.has(address)) before.set(address, this.callers.get(address));
      }
      // In this order, so that an account whose only pod changes stays known.
      if (now !== undefined) this.#known(now.workload).pods++;
      if (last !== undefined) this.#leave(last);
      if (now === undefined) this.#pods.delete(pod);
      else this.#enter(pod, now);
    }
    return [...before].flatMap(([address, earlier]) =>
      isSame(earlier, this.callers.get(address)) ? [] : [address],
    );
  }

  #known(workload: Workload): KnownWorkload {
    return this.#workloads.getOrInsertComputed(keyOf(workload), () => ({ workload, pods: 0 }));
  }

  #enter(pod: string, now: PodCaller): void {
    this.#pods.set(pod, now);
    for (const address of now.addresses) this.#claim(address, now.workload);
  }

  #leave({ workload, addresses }: PodCaller): void {
    for (const address of addresses) this.#release(address, workload);
    const known = this.#known(workload);
    known.pods--;
    if (known.pods === 0) this.#workloads.delete(keyOf(workload));
  }

  #claim(address: string, workload: Workload): void {
    const holder = this.callers.get(address);
    const others = this.#contested.get(address) ?? (holder === undefined ? [] : [holder]);
    if (others.length === 0) {
      this.callers.set(address, workload);
      return;
    }
    this.callers.delete(address);
    this.#contested.set(address, [...others, workload]);
  }

  #release(address: string, workload: Workload): void {
    const claims = this.#contested.get(address);
    if (claims === undefined) {
      this.callers.delete(address);
      return;
    }
    const rest = claims.toSpliced(
      claims.findIndex((one) => isSame(one, workload)),
      1,
    );
    const [only] = rest;
    if (rest.length > 1 || only === undefined) {
      this.#contested.set(address, rest);
      return;
    }
    this.#contested.delete(address);
    this.callers.set(address, only);
  }
}

function keyOf({ namespace, serviceAccount }: Workload): string {
  return `${namespace}/${serviceAccount}`;
}

function isSame(one: Workload | undefined, other: Workload | undefined): boolean {
  return one?.namespace === other?.namespace && one?.serviceAccount === other?.serviceAccount;
}
