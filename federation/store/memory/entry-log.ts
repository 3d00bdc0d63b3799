import type { LogEntry } from '../driver.ts';

interface PlacedEntry {
  readonly position: number;
  readonly entry: LogEntry;
}

/** A log that forgets its oldest entries, a good part at a time, as a stream trimmed with `MAXLEN ~` does. */
export class EntryLog {
  readonly #keepCount: number;
  #entries: PlacedEntry[] = [];

  constructor(keepCount: number) {
    this.#keepCount = keepCount;
  }

  append(position: number, entry: LogEntry): void {
    this.#entries.push({ position, entry });
    if (this.#entries.length > 1.25 * this.#keepCount) this.#entries = this.#entries.slice(-this.#keepCount);
  }

  /** Up to `count` entries later than `position`, and the position of the last of them. */
  after(position: number, count: number): { readonly entries: readonly LogEntry[]; readonly last: number } {
    const start = this.#firstAfter(position);
    const found = this.#entries.slice(start, start + count);
    return { entries: found.map(({ entry }) => entry), last: found.at(-1)?.position ?? position };
  }

  #firstAfter(position: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.position ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
