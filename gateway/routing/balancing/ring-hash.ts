import { type HashedHost, type HashTable, hashOfKey } from './hash-table.ts';

/** A snapshot's service has fewer hosts than that; a hash and an index fit into a number. */
const INDEX_BITS = 16;

/** In entries, all hosts together. */
export interface RingSize {
  readonly minimumRingSize: number;
  readonly maximumRingSize: number;
}

/**
 * A ketama ring (consistent hashing of Karger et al., STOC 1997): each host stands on it at the hashes of
 * `address_0`, `address_1` and so on, and has the hashes from the entry before each of its own on. As in Envoy, the
 * lightest host gets enough entries for the ring to reach its minimal size, the others by their weights, as far as
 * the ring's maximal size allows. Other than in Envoy that number is a power of two: so it is the same for most
 * numbers of hosts, and a host that comes or goes moves its own keys alone.
 * @param hosts in order of their addresses, at least one
 */
export function ringTable(hosts: readonly HashedHost[], size: RingSize): HashTable {
  const entries = ringEntries(hosts, size);
  const hashes = Uint32Array.from(entries, (entry) => Math.floor(entry / 2 ** INDEX_BITS));
  const indexes = Uint16Array.from(entries, (entry) => entry % 2 ** INDEX_BITS);
  return {
    hosts,
    slots: entries.length,
    slotOf: (hash) => firstAtLeast(hashes, hash),
    hostAt: (slot) => indexes[slot] as number,
  };
}

/** Hash and host's index in one number each, ascending. */
function ringEntries(hosts: readonly HashedHost[], size: RingSize): Float64Array {
  const counts = entriesOfHosts(hosts, size);
  const entries = new Float64Array(counts.reduce((sum, count) => sum + count, 0));
  let filled = 0;
  for (const [index, { address }] of hosts.entries()) {
    for (let turn = 0; turn < (counts[index] as number); turn++) {
      entries[filled++] = hashOfKey(`${address}_${turn}`) * 2 ** INDEX_BITS + index;
    }
  }
  return entries.sort();
}

/** At least one for each host. */
function entriesOfHosts(
  hosts: readonly HashedHost[],
  { minimumRingSize, maximumRingSize }: RingSize,
): number[] {
  const total = hosts.reduce((sum, { weight }) => sum + weight, 0);
  const lightest = hosts.reduce((least, { weight }) => Math.min(least, weight), total);
  const ofLightest = 2 ** Math.ceil(Math.log2(Math.ceil((lightest * minimumRingSize) / total)));
  const perWeight = Math.min(ofLightest / lightest, maximumRingSize / total);
  // A hair more than the quotient, which may be a hair less than a whole number that it should be.
  return hosts.map(({ weight }) => Math.max(1, Math.floor(weight * perWeight + 1e-6)));
}

/** The first slot whose hash is not below `hash`; past the last the first of all. */
function firstAtLeast(hashes: Uint32Array, hash: number): number {
  let low = 0;
  let high = hashes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((hashes[middle] as number) < hash) low = middle + 1;
    else high = middle;
  }
  return low === hashes.length ? 0 : low;
}
