import type { Http2Stream } from './stream.ts';

/**
 * The open streams of one connection by their id. Ids rise by two, so the open ones nearly always have slots of their
 * own in a ring; a stream that stays open while the ring goes round moves to a map. A `Map` for all of them would be
 * right too, but one that is added to and deleted from with every request leaves its outgrown tables behind, each
 * pointing to the next: once one of them is old the collector keeps all that follow, streams and all, until its next
 * full run.
 */
export class StreamTable {
  readonly #ring: (Http2Stream | undefined)[];
  readonly #outlasting = new Map<number, Http2Stream>();
  readonly #mask: number;
  #size = 0;

  /** @param concurrency how many streams are open at once in ordinary times */
  constructor(concurrency: number) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(concurrency, 16)));
    this.#ring = new Array(slots).fill(undefined);
    this.#mask = slots - 1;
  }

  get size(): number {
    return this.#size;
  }

  get(id: number): Http2Stream | undefined {
    const stream = this.#ring[this.#slotOf(id)];
    if (stream !== undefined && stream.id === id) return stream;
    return this.#outlasting.size === 0 ? undefined : this.#outlasting.get(id);
  }

  /** Its id must not be there yet. */
  add(stream: Http2Stream): void {
    const slot = this.#slotOf(stream.id);
    const older = this.#ring[slot];
    if (older !== undefined) this.#outlasting.set(older.id, older);
    this.#ring[slot] = stream;
    this.#size++;
  }

  delete(id: number): void {
    const slot = this.#slotOf(id);
    if (this.#ring[slot]?.id === id) this.#ring[slot] = undefined;
    else if (!this.#outlasting.delete(id)) return;
    this.#size--;
  }

  clear(): void {
    this.#ring.fill(undefined);
    this.#outlasting.clear();
    this.#size = 0;
  }

  /** In no particular order. */
  all(): Http2Stream[] {
    const streams = [...this.#outlasting.values()];
    for (const stream of this.#ring) if (stream !== undefined) streams.push(stream);
    return streams;
  }

  #slotOf(id: number): number {
    return (id >>> 1) & this.#mask;
  }
}
