/** A value that changes as a whole and can be followed. Listeners see each change, in order, synchronously. */
export interface Readable<T> {
  readonly value: T;
  /** Calls back on each later change; the returned function ends it. */
  watch(listener: (value: T) => void): () => void;
}

export class Watchable<T> implements Readable<T> {
  #value: T;
  readonly #listeners = new Set<(value: T) => void>();

  constructor(initial: T) {
    this.#value = initial;
  }

  get value(): T {
    return this.#value;
  }

  /** Does nothing when the value is the same object. */
  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener(value);
  }

  watch(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
