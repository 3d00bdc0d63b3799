import { rotation } from '../../federation/failover/rotation.ts';
import { hashOfKey } from './balancing/hash-table.ts';
import { rendezvousScore } from './balancing/rendezvous.ts';

/** Items that come in turn, each by its weight's exact share, or by hash, each by its weight's share of hashes. */
export class Rotating<T> {
  readonly items: readonly T[];
  readonly #weights: readonly number[];
  readonly #names: readonly string[];
  readonly #order: Uint16Array;
  #next = 0;
  /** Of the names; made for the first that asks by hash. */
  #hashes: Uint32Array | undefined;

  /** @param names what the items are told apart by, the same in all gateways */
  constructor(items: readonly T[], weights: readonly number[], names: readonly string[]) {
    this.items = items;
    this.#weights = weights;
    this.#names = names;
    this.#order = rotation(weights);
  }

  /** undefined when nothing has weight. */
  next(): T | undefined {
    if (this.items.length === 1) return this.items[0];
    const index = this.#order[this.#next];
    this.#next = this.#next + 1 === this.#order.length ? 0 : this.#next + 1;
    return index === undefined ? undefined : this.items[index];
  }

  /** The same item for the same hash, whatever becomes of the others; undefined when nothing has weight. */
  at(hash: number): T | undefined {
    if (this.items.length === 1) return this.items[0];
    this.#hashes ??= Uint32Array.from(this.#names, (name) => hashOfKey(name));
    let chosen: T | undefined;
    let highest = 0;
    for (let index = 0; index < this.items.length; index++) {
      const score = rendezvousScore(hash, this.#hashes[index] as number, this.#weights[index] as number);
      if (score <= highest) continue;
      highest = score;
      chosen = this.items[index];
    }
    return chosen;
  }
}
