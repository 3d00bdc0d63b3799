import {
  addressBlock,
  type CallerGroup,
  type CallerGroupKey,
  callerGroupKey,
  type Workload,
} from '../model/caller.ts';

type Callers = ReadonlyMap<CallerGroupKey, CallerGroup>;

/** The addresses of this cluster's pods as a snapshot has them: in groups, of which only those change that must. */
export class CallerBook {
  readonly #keyOf = new Map<string, CallerGroupKey>();
  readonly #members = new Map<
    CallerGroupKey,
    { readonly workload: Workload; readonly addresses: Set<string> }
  >();
  readonly #changed = new Set<CallerGroupKey>();
  #groups: Callers = new Map();

  /** @param workload undefined: nobody's any more */
  set(address: string, workload: Workload | undefined): void {
    const before = this.#keyOf.get(address);
    const block = addressBlock(address);
    const key = workload === undefined ? undefined : callerGroupKey({ ...workload, block });
    if (key === before) return;
    if (before !== undefined) {
      this.#members.get(before)?.addresses.delete(address);
      this.#changed.add(before);
    }
    if (key === undefined || workload === undefined) {
      this.#keyOf.delete(address);
      return;
    }
    this.#keyOf.set(address, key);
    const group = this.#members.get(key) ?? { workload, addresses: new Set() };
    group.addresses.add(address);
    this.#members.set(key, group);
    this.#changed.add(key);
  }

  /** The same object while nothing changes; groups that did not change are the same objects. */
  groups(): Callers {
    if (this.#changed.size === 0) return this.#groups;
    const next = new Map(this.#groups);
    for (const key of this.#changed) {
      const group = this.#members.get(key);
      const [first, ...others] = [...(group?.addresses ?? [])].sort();
      if (group === undefined || first === undefined) {
        next.delete(key);
        this.#members.delete(key);
      } else {
        const { namespace, serviceAccount } = group.workload;
        next.set(key, {
          namespace,
          serviceAccount,
          block: addressBlock(first),
          addresses: [first, ...others],
        });
      }
    }
    this.#changed.clear();
    this.#groups = next;
    return next;
  }
}
