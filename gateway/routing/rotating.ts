import { rotation } from '../../federation/failover/rotation.ts';

/** Items that come in turn, each by its weight's exact share. */
export class Rotating<T> {
  readonly items: readonly T[];
  readonly #order: Uint16Array;
  #next = 0;

  constructor(items: readonly T[], weights: readonly number[]) {
    this.items = items;
    this.#order = rotation(weights);
  }

  /** undefined when nothing has weight. */
  next(): T | undefined {
    if (this.items.length === 1) return this.items[0];
    const index = this.#order[this.#next];
    this.#next = this.#next + 1 === this.#order.length ? 0 : this.#next + 1;
    return index === undefined ? undefined : this.items[index];
  }

  /** The same item for the same hash. */
  at(hash: number): T | undefined {
    const index = this.#order[hash % this.#order.length];
    return index === undefined ? undefined : this.items[index];
  }
}
