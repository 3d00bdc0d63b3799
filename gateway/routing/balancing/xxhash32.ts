const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const PRIME_3 = 0xc2b2ae3d;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;

/**
 * XXH32 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md): not cryptographic, quick, and spreads well.
 * @param text latin1, as header values are: one byte per character; of others the low byte counts
 * @returns an unsigned 32-bit integer
 */
export function xxHash32(text: string, seed: number, start = 0, end: number = text.length): number {
  let at = start;
  let hash: number;
  if (end - start >= 16) {
    let a = (seed + PRIME_1 + PRIME_2) | 0;
    let b = (seed + PRIME_2) | 0;
    let c = seed | 0;
    let d = (seed - PRIME_1) | 0;
    for (; at + 16 <= end; at += 16) {
      a = round(a, word(text, at));
      b = round(b, word(text, at + 4));
      c = round(c, word(text, at + 8));
      d = round(d, word(text, at + 12));
    }
    hash = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
  } else {
    hash = seed + PRIME_5;
  }
  hash = (hash + end - start) | 0;
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(rotate(hash + Math.imul(word(text, at), PRIME_3), 17), PRIME_4);
  }
  for (; at < end; at++) {
    hash = Math.imul(rotate(hash + Math.imul(text.charCodeAt(at) & 0xff, PRIME_5), 11), PRIME_1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2);
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function round(lane: number, input: number): number {
  return Math.imul(rotate(lane + Math.imul(input, PRIME_2), 13), PRIME_1);
}

/** Little endian. */
function word(text: string, at: number): number {
  return (
    (text.charCodeAt(at) & 0xff) |
    ((text.charCodeAt(at + 1) & 0xff) << 8) |
    ((text.charCodeAt(at + 2) & 0xff) << 16) |
    (text.charCodeAt(at + 3) << 24)
  );
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
