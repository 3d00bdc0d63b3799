import type { Http2Stream } from './stream.ts';

const FEWEST_SLOTS = 8;

function emptyRing(slots: number): (Http2Stream | undefined)[] {
  return new Array<Http2Stream | undefined>(slots).fill(undefined);
}

/**
 * The open streams of one connection by their id. Ids rise by two, so the open ones nearly always have slots of their
 * own in a ring; a stream that stays open while the ring goes round moves to a map. A `Map` for all of them would be
 * right too, but one that is added to and deleted from with every request leaves its outgrown tables behind, each
 * pointing to the next: once one of them is old the collector keeps all that follow, streams and all, until its next
 * full run.
 */
export class StreamTable {
  #ring: (Http2Stream | undefined)[] = emptyRing(FEWEST_SLOTS);
  readonly #outlasting = new Map<number, Http2Stream>();
  readonly #mostSlots: number;
  #mask = FEWEST_SLOTS - 1;
  #size = 0;

  /** @param concurrency how many streams are open at once in ordinary times; an idle connection has a small ring */
  constructor(concurrency: number) {
    this.#mostSlots = 2 ** Math.ceil(Math.log2(Math.max(concurrency, FEWEST_SLOTS)));
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
    let slot = this.#slotOf(stream.id);
    while (this.#ring[slot] !== undefined && this.#ring.length < this.#mostSlots) {
      this.#grow();
      slot = this.#slotOf(stream.id);
    }
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

  #grow(): void {
    const streams = this.#ring;
    this.#ring = emptyRing(2 * streams.length);
    this.#mask = this.#ring.length - 1;
    for (const stream of streams) if (stream !== undefined) this.#ring[this.#slotOf(stream.id)] = stream;
  }

  #slotOf(id: number): number {
    return (id >>> 1) & this.#mask;
  }
}
