import { type Indexing, indexingOf } from './indexing.ts';
import type { SharedStrings } from './shared-strings.ts';
import { ENTRY_OVERHEAD_BYTES, STATIC_ENTRIES, STATIC_NAMES, STATIC_VALUES } from './static-table.ts';

/** What the encoder knows of one field name. */
export interface KnownName {
  readonly name: string;
  /** Lowest index in the static table, 0 when it is not there. */
  readonly staticIndex: number;
  /** Static entries of this name with a value follow one another from `staticIndex` on. */
  readonly staticValues: readonly string[];
  readonly indexing: Indexing;
  /** Its entries in the dynamic table, oldest first. */
  readonly entries: TableEntry[];
}

export interface TableEntry {
  readonly known: KnownName;
  readonly value: string;
  /** How many were inserted before it. */
  readonly sequence: number;
  /** The block that it was last of use to. */
  usedIn: number;
}

interface StaticName {
  readonly index: number;
  readonly values: readonly string[];
}

function staticNames(): ReadonlyMap<string, StaticName> {
  const names = new Map<string, { index: number; values: string[] }>();
  for (let index = 1; index <= STATIC_ENTRIES; index++) {
    const name = STATIC_NAMES[index] as string;
    const value = STATIC_VALUES[index] as string;
    const known = names.get(name);
    if (known === undefined) names.set(name, { index, values: [value] });
    else known.values.push(value);
  }
  return names;
}

/** An entry of use to one of the last so many blocks is worth more than one that is new. */
const FRESH_BLOCKS = 64;
/** Where most blocks have what they have each time. */
const PLACES = 24;
/** One in so many goes in all the same: what is hot and old must not keep out a new kind of traffic for ever. */
const PATIENCE = 256;

const STATIC: ReadonlyMap<string, StaticName> = staticNames();

/** The encoder's picture of the peer's dynamic table, found by name first, then by value. */
export class EncoderTable {
  readonly #strings: SharedStrings;
  readonly #names = new Map<string, KnownName>();
  /** The entry that the field at each place of a block was last. */
  readonly #places: TableEntry[] = [];
  /** Oldest first, from `#first` on. */
  #entries: TableEntry[] = [];
  #first = 0;
  #inserted = 0;
  /** Sequence of the oldest entry that is still there. */
  #evicted = 0;
  #bytes = 0;
  #maxBytes: number;
  #block = 0;
  #turnedAway = 0;

  constructor(maxBytes: number, strings: SharedStrings) {
    this.#maxBytes = maxBytes;
    this.#strings = strings;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** Another block begins. */
  begin(): void {
    this.#block++;
  }

  known(name: string): KnownName {
    return this.#names.get(name) ?? this.#remember(name);
  }

  /**
   * Index of a field that was at the same place of an earlier block, or 0: most blocks of a connection have the same
   * fields in the same places, and with many connections each step of a search is memory that the processor must fetch.
   */
  recall(place: number, name: string, value: string): number {
    const entry = this.#places[place];
    if (entry === undefined || entry.value !== value || entry.known.name !== name) return 0;
    return entry.sequence < this.#evicted ? 0 : this.#use(entry);
  }

  /** Index for an indexed field, or 0. */
  indexOf(place: number, known: KnownName, value: string): number {
    const entries = known.entries;
    for (let at = entries.length - 1; at >= 0; at--) {
      const entry = entries[at] as TableEntry;
      if (entry.value !== value) continue;
      if (place < PLACES) this.#places[place] = entry;
      return this.#use(entry);
    }
    const position = known.staticValues.indexOf(value);
    return position < 0 ? 0 : known.staticIndex + position;
  }

  #use(entry: TableEntry): number {
    entry.usedIn = this.#block;
    return STATIC_ENTRIES + this.#inserted - entry.sequence;
  }

  /** Index for a name with a literal value, or 0. */
  nameIndex(known: KnownName): number {
    if (known.staticIndex > 0) return known.staticIndex;
    const newest = known.entries.at(-1);
    return newest === undefined ? 0 : STATIC_ENTRIES + this.#inserted - newest.sequence;
  }

  /**
   * Whether the field should go into the table: not when it would drive out what is in use. Messages with more fields
   * than the table holds would otherwise replace all of it each time, and never find anything.
   */
  admits(known: KnownName, value: string): boolean {
    let bytes = this.#bytes + known.name.length + value.length + ENTRY_OVERHEAD_BYTES - this.#maxBytes;
    for (let at = this.#first; bytes > 0 && at < this.#entries.length; at++) {
      const oldest = this.#entries[at] as TableEntry;
      if (this.#block - oldest.usedIn < FRESH_BLOCKS) return this.#turnedAway++ % PATIENCE === PATIENCE - 1;
      bytes -= oldest.known.name.length + oldest.value.length + ENTRY_OVERHEAD_BYTES;
    }
    return true;
  }

  insert(known: KnownName, value: string): void {
    const bytes = known.name.length + value.length + ENTRY_OVERHEAD_BYTES;
    this.#evict(this.#maxBytes - bytes);
    if (bytes > this.#maxBytes) return;
    // Eviction may have forgotten the name.
    const current = this.#names.get(known.name) ?? known;
    this.#names.set(current.name, current);
    const shared = this.#strings.of(value);
    const entry = { known: current, value: shared, sequence: this.#inserted++, usedIn: this.#block };
    current.entries.push(entry);
    this.#entries.push(entry);
    this.#bytes += bytes;
  }

  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#evict(maxBytes);
  }

  #evict(downToBytes: number): void {
    while (this.#bytes > downToBytes && this.#first < this.#entries.length) {
      const { known, value } = this.#entries[this.#first++] as TableEntry;
      this.#evicted++;
      this.#bytes -= known.name.length + value.length + ENTRY_OVERHEAD_BYTES;
      known.entries.shift();
      if (known.entries.length === 0 && !isListed(known)) this.#names.delete(known.name);
    }
    if (this.#first > 128) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }

  /** A name outside our lists is kept only while an entry has it, so the map is bounded. */
  #remember(name: string): KnownName {
    const fixed = STATIC.get(name);
    const known: KnownName = {
      name,
      staticIndex: fixed?.index ?? 0,
      staticValues: fixed?.values ?? [],
      indexing: indexingOf(name),
      entries: [],
    };
    if (isListed(known)) this.#names.set(name, known);
    return known;
  }
}

function isListed(known: KnownName): boolean {
  return known.staticIndex > 0 || known.indexing !== 'first-sight';
}
