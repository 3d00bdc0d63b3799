/** How far ahead of its place an item is looked for when those before it are gone. */
const AHEAD = 3;
/** However many were not found: a list of thousands in which all is new costs no more than so many looks for each. */
const MAX_AHEAD = 32;

/**
 * An earlier version of a list, in which the items of the next one are found again. They are asked for in their order, and
 * most of them stay: so most are found at the first look.
 */
export class EarlierItems<T> {
  readonly #items: readonly T[];
  #at = 0;
  #missed = 0;

  constructor(items: readonly T[]) {
    this.#items = items;
  }

  /** The next one of which `is` holds; undefined = it is new, or has moved. */
  find(is: (item: T) => boolean): T | undefined {
    const end = Math.min(this.#items.length, this.#at + Math.min(MAX_AHEAD, AHEAD + this.#missed));
    for (let index = this.#at; index < end; index++) {
      const item = this.#items[index];
      if (item === undefined || !is(item)) continue;
      this.#at = index + 1;
      this.#missed = 0;
      return item;
    }
    this.#missed++;
    return undefined;
  }
}
