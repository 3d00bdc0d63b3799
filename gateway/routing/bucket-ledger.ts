/** A table of buckets, as its ledger sees it. */
export interface BucketTable {
  readonly size: number;
  /** Forgets those that are full: it makes no difference. */
  forgetFull(nowMs: number): void;
  /** Forgets the half that is fullest, or more: whose buckets these are gains least by it. */
  forgetHalf(): void;
}

/** How many buckets are looked at in one sweep, or one table more: a fraction of a millisecond. */
const SWEPT_BUCKETS = 5_000;
/** If more stays of what there may be, the next look at all would come too soon. */
const MAX_KEPT_SHARE = 0.9;

/**
 * The tables of one worker that have any bucket, and how many that are in sum. Callers can be invented, by a peer in its own
 * trust domain, and tables are many: the bound of each alone is none for the worker.
 */
export class BucketLedger {
  readonly #max: number;
  /** The one that was swept longest ago comes first. */
  readonly #tables = new Set<BucketTable>();
  #size = 0;

  /** @param max buckets of all tables */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#size;
  }

  /** The table has one more. */
  added(table: BucketTable, nowMs: number): void {
    this.#size++;
    this.#tables.add(table);
    if (this.#size > this.#max) this.#forget(nowMs);
  }

  /** The table has so many less. */
  removed(buckets: number): void {
    this.#size -= buckets;
  }

  /** The periodic look, each second: what nobody uses any more is full in time, whether its limit is still there or not. */
  sweep(nowMs: number): void {
    let [tables, buckets] = [this.#tables.size, SWEPT_BUCKETS];
    for (const table of this.#tables) {
      if (tables-- === 0 || buckets <= 0) return;
      buckets -= table.size;
      this.#tables.delete(table);
      this.#forgetFull(table, nowMs);
      if (table.size > 0) this.#tables.add(table);
    }
  }

  /** First what makes no difference. A share of all goes, so that in the long run a new bucket pays for the look at few others. */
  #forget(nowMs: number): void {
    for (const table of this.#tables) {
      this.#forgetFull(table, nowMs);
      if (table.size === 0) this.#tables.delete(table);
    }
    const kept = Math.ceil(this.#max * MAX_KEPT_SHARE);
    while (this.#size > kept) this.#halve();
  }

  #forgetFull(table: BucketTable, nowMs: number): void {
    const before = table.size;
    table.forgetFull(nowMs);
    this.#size -= before - table.size;
  }

  /**
   * Halves the tables that have no less than the average: those that few use keep what they have. At least one bucket goes
   * for every second table, so that in the long run a new one costs no more for there being many tables.
   */
  #halve(): void {
    const average = Math.floor(this.#size / this.#tables.size);
    for (const table of this.#tables) {
      const before = table.size;
      if (before < average) continue;
      table.forgetHalf();
      this.#size -= before - table.size;
      if (table.size === 0) this.#tables.delete(table);
    }
  }
}
