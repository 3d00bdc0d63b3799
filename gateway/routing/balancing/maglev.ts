import type { HashedHost, HashTable } from './hash-table.ts';
import { xxHash32 } from './xxhash32.ts';

/** Two hashes of an address that have nothing to do with each other, nor with those of keys. */
const OFFSET_SEED = 0x6f666673;
const SKIP_SEED = 0x736b6970;
/** A snapshot's service has fewer hosts than that. */
const FREE = 0xffff;

/**
 * Maglev's lookup table (Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016,
 * section 3.4): in turn each host takes the next slot of its own permutation that is still free. Hosts have nearly
 * the same number of slots, and few slots change hands when a host comes or goes.
 * @param hosts in order of their addresses, at least one; of more hosts than slots some get none
 * @param tableSize a prime number
 */
export function maglevTable(hosts: readonly HashedHost[], tableSize: number): HashTable {
  const heaviest = hosts.reduce((most, { weight }) => Math.max(most, weight), 0);
  const table = filledTable(tableSize, {
    offsets: hosts.map(({ address }) => xxHash32(address, OFFSET_SEED) % tableSize),
    skips: hosts.map(({ address }) => (xxHash32(address, SKIP_SEED) % (tableSize - 1)) + 1),
    turns: hosts.map(({ weight }) => weight / heaviest),
  });
  return {
    hosts,
    slots: tableSize,
    slotOf: (hash) => hash % tableSize,
    hostAt: (slot) => table[slot] as number,
  };
}

/** By host. */
export interface Permutations {
  readonly offsets: readonly number[];
  readonly skips: readonly number[];
  /** How many turns in a round, above 0 and at most 1: one of a half gets every second turn, as in Envoy. */
  readonly turns: readonly number[];
}

/** Which host has each slot. */
export function filledTable(tableSize: number, { offsets, skips, turns }: Permutations): Uint16Array {
  const table = new Uint16Array(tableSize).fill(FREE);
  const next = Uint32Array.from(offsets);
  const steps = Uint32Array.from(skips);
  let filled = 0;
  for (let round = 1; ; round++) {
    for (let host = 0; host < steps.length; host++) {
      const share = turns[host] as number;
      if (Math.floor(round * share) === Math.floor((round - 1) * share)) continue;
      const step = steps[host] as number;
      let slot = next[host] as number;
      while (table[slot] !== FREE) slot = after(slot, step, tableSize);
      table[slot] = host;
      next[host] = slot;
      filled++;
      if (filled === tableSize) return table;
    }
  }
}

/** Both below the size: a subtraction is quicker than a division. */
function after(slot: number, step: number, size: number): number {
  const next = slot + step;
  return next < size ? next : next - size;
}
