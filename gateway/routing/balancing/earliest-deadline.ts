/**
 * Entries in turn by weights that may change: an entry's next turn is due 1 / weight after its last, and the earliest
 * is taken. A heap in flat arrays.
 */
export class EarliestDeadline {
  readonly #heap: Uint32Array;
  readonly #deadlines: Float64Array;

  /**
   * @param weightOf of each entry at the beginning, above 0
   * @param random where in its round each entry begins, so that many workers do not all begin with the same
   */
  constructor(count: number, weightOf: (index: number) => number, random: () => number) {
    this.#heap = Uint32Array.from({ length: count }, (_, index) => index);
    this.#deadlines = Float64Array.from({ length: count }, (_, index) => random() / weightOf(index));
    for (let place = (count >>> 1) - 1; place >= 0; place--) this.#sink(place);
  }

  /** Whose turn it is. */
  get first(): number {
    return this.#heap[0] as number;
  }

  /** The first has had its turn, and weighs so much now. */
  postpone(weight: number): void {
    const { first } = this;
    this.#deadlines[first] = (this.#deadlines[first] as number) + 1 / weight;
    this.#sink(0);
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const sinking = heap[from] as number;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#isBefore(heap[child + 1] as number, heap[child] as number))
        child++;
      if (!this.#isBefore(heap[child] as number, sinking)) break;
      heap[place] = heap[child] as number;
      place = child;
    }
    heap[place] = sinking;
  }

  #isBefore(a: number, b: number): boolean {
    const difference = (this.#deadlines[a] as number) - (this.#deadlines[b] as number);
    return difference < 0 || (difference === 0 && a < b);
  }
}
