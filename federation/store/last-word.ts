import type { ServiceKey, ServiceRecord } from '../model/service.ts';

type Records = ReadonlyMap<ServiceKey, ServiceRecord>;

type State =
  | { readonly kind: 'none' }
  | {
      /** `said`: the store took it. */
      readonly kind: 'ordered' | 'said';
      /** What would be published without the order; undefined = not known yet. */
      readonly kept: Map<ServiceKey, ServiceRecord> | undefined;
      readonly told: PromiseWithResolvers<boolean>;
    };

/**
 * The order to leave the clusterset, from when it is given. It is good for as long as whoever got it may write, also once
 * the store took it: one that was kept through the time of another writer would be an old one.
 */
export class LastWord {
  #state: State = { kind: 'none' };

  /** Whether the cluster leaves, or has left: nothing else is published then. */
  get isGiven(): boolean {
    return this.#state.kind !== 'none';
  }

  get isOrdered(): boolean {
    return this.#state.kind === 'ordered';
  }

  /** @returns whether the store took it; false when it was dropped before */
  give(kept: Records | undefined): Promise<boolean> {
    if (this.#state.kind === 'none') {
      const own = kept === undefined ? undefined : new Map(kept);
      this.#state = { kind: 'ordered', kept: own, told: Promise.withResolvers() };
    }
    return this.#state.told.promise;
  }

  replace(records: Records): void {
    if (this.#state.kind !== 'none') this.#state = { ...this.#state, kept: new Map(records) };
  }

  set(key: ServiceKey, record: ServiceRecord): void {
    if (this.#state.kind !== 'none') this.#state.kept?.set(key, record);
  }

  delete(key: ServiceKey): void {
    if (this.#state.kind !== 'none') this.#state.kept?.delete(key);
  }

  /** The store took it. One that was dropped meanwhile stays dropped: what is published next takes it back. */
  say(): void {
    if (this.#state.kind !== 'ordered') return;
    this.#state.told.resolve(true);
    this.#state = { ...this.#state, kind: 'said' };
  }

  /** @returns what is to be published instead; undefined = not known yet */
  drop(): Records | undefined {
    if (this.#state.kind === 'none') return undefined;
    const { kept, told } = this.#state;
    this.#state = { kind: 'none' };
    told.resolve(false);
    return kept;
  }
}
