import { xxHash32 } from './xxhash32.ts';

/** All gateways and workers must come to the same tables and the same hashes of keys. */
const HASH_SEED = 0;

/** The hash of what a request is told by; of `text` from `start` to `end` where they are given. */
export function hashOfKey(text: string, start?: number, end?: number): number {
  return xxHash32(text, HASH_SEED, start, end);
}

/** A host of a table. */
export interface HashedHost {
  /** `ip:port`. */
  readonly address: string;
  readonly weight: number;
}

/** Which host has which hashes. Immutable, and made of the hosts alone, in order of their addresses. */
export interface HashTable {
  readonly hosts: readonly HashedHost[];
  /** Slots follow each other in a circle: after the last comes the first. */
  readonly slots: number;
  slotOf(hash: number): number;
  /** Index into `hosts`. */
  hostAt(slot: number): number;
}

export function sameHosts(a: readonly HashedHost[], b: readonly HashedHost[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ address, weight }, index) => address === b[index]?.address && weight === b[index].weight)
  );
}
