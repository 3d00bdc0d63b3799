const SHARDS = 256;
/** Below this a copy costs less than what is spared. */
const LARGE = 128;

type Shard<K, V> = ReadonlyMap<K, V>;

/** What a version was made of: the one before, by a token that keeps nothing of it in memory, and the keys that were touched. */
interface Origin<K> {
  readonly token: object;
  readonly touched: ReadonlySet<K>;
}

/**
 * An immutable map whose next version shares with it all that stays: a change copies one of its 256 parts, not the
 * whole, and two versions are compared by the parts that differ. Its order is none that means anything.
 */
export class LargeMap<K extends string | number, V> implements ReadonlyMap<K, V> {
  readonly size: number;
  /** An own property, so that maps of the same content are deeply equal. */
  readonly shards: readonly Shard<K, V>[];
  /** Stands for this version. */
  readonly #token = {};
  readonly #origin: Origin<K> | undefined;

  private constructor(shards: readonly Shard<K, V>[], size: number, origin?: Origin<K>) {
    this.shards = shards;
    this.size = size;
    this.#origin = origin;
  }

  static of<K extends string | number, V>(entries: Iterable<readonly [K, V]>): LargeMap<K, V> {
    const shards = Array.from({ length: SHARDS }, () => new Map<K, V>());
    for (const [key, value] of entries) shards[shardOf(key)]?.set(key, value);
    return new LargeMap(
      shards,
      shards.reduce((sum, { size }) => sum + size, 0),
    );
  }

  get(key: K): V | undefined {
    return this.shards[shardOf(key)]?.get(key);
  }

  has(key: K): boolean {
    return this.shards[shardOf(key)]?.has(key) === true;
  }

  forEach(each: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this.entries()) each(value, key, this);
  }

  *entries(): MapIterator<[K, V]> {
    for (const shard of this.shards) yield* shard;
  }

  *keys(): MapIterator<K> {
    for (const shard of this.shards) yield* shard.keys();
  }

  *values(): MapIterator<V> {
    for (const shard of this.shards) yield* shard.values();
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }

  /**
   * With those shards; one of which nothing is left is there all the same.
   * @param touched the keys that may be others there
   */
  with(changed: ReadonlyMap<number, Shard<K, V>>, size: number, touched: ReadonlySet<K>): LargeMap<K, V> {
    const shards = this.shards.slice();
    for (const [index, shard] of changed) shards[index] = shard;
    return new LargeMap(shards, size, { token: this.#token, touched });
  }

  /** The keys that may differ from those of the version that this one was made of; undefined when `before` is another one. */
  touchedSince(before: LargeMap<K, V>): ReadonlySet<K> | undefined {
    return this.#origin?.token === before.#token ? this.#origin.touched : undefined;
  }
}

/** What is to become the next version of a map. A small one is a plain Map, a large one a `LargeMap`. */
export class MapDraft<K extends string | number, V> {
  readonly #base: ReadonlyMap<K, V>;
  readonly #copies = new Map<number, Map<K, V>>();
  readonly #touched = new Set<K>();
  readonly #large: LargeMap<K, V> | undefined;
  #small: Map<K, V> | undefined;
  #size: number;

  /** `base` stays as it is. */
  constructor(base: ReadonlyMap<K, V>) {
    this.#base = base;
    this.#size = base.size;
    if (base instanceof LargeMap) this.#large = base;
    else if (base.size >= LARGE) this.#large = LargeMap.of(base);
  }

  get size(): number {
    return this.#size;
  }

  get(key: K): V | undefined {
    return this.#holder(key).get(key);
  }

  has(key: K): boolean {
    return this.#holder(key).has(key);
  }

  set(key: K, value: V): void {
    const own = this.#own(key);
    const before = own.size;
    own.set(key, value);
    this.#size += own.size - before;
  }

  delete(key: K): boolean {
    if (!this.has(key)) return false;
    this.#size--;
    return this.#own(key).delete(key);
  }

  *entries(): MapIterator<[K, V]> {
    if (this.#large === undefined) yield* this.#small ?? this.#base;
    else for (const [index, shard] of this.#large.shards.entries()) yield* this.#copies.get(index) ?? shard;
  }

  /** The map that it has become; the draft is used no more. */
  finish(): ReadonlyMap<K, V> {
    if (this.#large !== undefined)
      return this.#copies.size === 0 ? this.#base : this.#large.with(this.#copies, this.#size, this.#touched);
    const small = this.#small ?? this.#base;
    return small.size >= LARGE ? LargeMap.of(small) : small;
  }

  #holder(key: K): ReadonlyMap<K, V> {
    if (this.#large === undefined) return this.#small ?? this.#base;
    const index = shardOf(key);
    return this.#copies.get(index) ?? this.#large.shards[index] ?? this.#base;
  }

  #own(key: K): Map<K, V> {
    if (this.#large === undefined) {
      this.#small ??= new Map(this.#base);
      return this.#small;
    }
    this.#touched.add(key);
    const index = shardOf(key);
    let copy = this.#copies.get(index);
    if (copy === undefined) {
      copy = new Map(this.#large.shards[index]);
      this.#copies.set(index, copy);
    }
    return copy;
  }
}

/** What differs between two versions of a map, by the identity of the values. */
export interface MapDifference<K, V> {
  /** New, or another value than before. */
  readonly changed: readonly (readonly [K, V])[];
  readonly removed: readonly K[];
}

export function mapDifference<K extends string | number, V>(
  before: ReadonlyMap<K, V>,
  after: ReadonlyMap<K, V>,
): MapDifference<K, V> {
  const changed: (readonly [K, V])[] = [];
  const removed: K[] = [];
  if (before instanceof LargeMap && after instanceof LargeMap) {
    const touched = after.touchedSince(before);
    if (touched !== undefined) return differenceIn(touched, before, after);
    for (const [index, shard] of after.shards.entries()) {
      const earlier = before.shards[index];
      if (earlier !== undefined && earlier !== shard) compare(earlier, shard, changed, removed);
    }
  } else if (before !== after) compare(before, after, changed, removed);
  return { changed, removed };
}

function differenceIn<K extends string | number, V>(
  keys: ReadonlySet<K>,
  before: ReadonlyMap<K, V>,
  after: ReadonlyMap<K, V>,
): MapDifference<K, V> {
  const changed: (readonly [K, V])[] = [];
  const removed: K[] = [];
  for (const key of keys) {
    const value = after.get(key);
    if (value === undefined && !after.has(key)) {
      if (before.has(key)) removed.push(key);
    } else if (before.get(key) !== value || !before.has(key)) changed.push([key, value as V]);
  }
  return { changed, removed };
}

function compare<K, V>(
  before: ReadonlyMap<K, V>,
  after: ReadonlyMap<K, V>,
  changed: (readonly [K, V])[],
  removed: K[],
): void {
  for (const [key, value] of after) {
    if (before.get(key) !== value || !before.has(key)) changed.push([key, value]);
  }
  for (const key of before.keys()) if (!after.has(key)) removed.push(key);
}

/** Spreads keys evenly enough; nothing depends on which it is. */
function shardOf(key: string | number): number {
  if (typeof key === 'number') return key & (SHARDS - 1);
  let hash = 0;
  for (let at = 0; at < key.length; at++) hash = (Math.imul(hash, 31) + key.charCodeAt(at)) | 0;
  return (hash ^ (hash >>> 15)) & (SHARDS - 1);
}
