/**
 * Highest random weight (Thaler and Ravishankar, 1998), with weights: of all entries the one with the highest score
 * is chosen. Each gets its weight's share of hashes, and when one goes only its own hashes go elsewhere.
 * @param hash of the key, unsigned 32 bits
 * @param name hash of the entry's name, unsigned 32 bits
 * @param weight not negative
 */
export function rendezvousScore(hash: number, name: number, weight: number): number {
  // Never 0 or 1, so that the logarithm is finite and below 0.
  const uniform = (mixed(hash ^ name) + 0.5) / 2 ** 32;
  return -weight / Math.log(uniform);
}

/** The finalizer of MurmurHash3: each bit of the input changes half of those of the output. */
function mixed(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
