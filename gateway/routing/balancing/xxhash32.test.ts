import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { xxHash32 } from './xxhash32.ts';

const PRIME_32 = 2_654_435_761;
const PRIME_64 = 11_400_714_785_074_694_797n;

/** The bytes that xxHash's own sanity check hashes (tests/sanity_test.c). */
function sanityBytes(length: number): string {
  let state = BigInt(PRIME_32);
  let text = '';
  for (let index = 0; index < length; index++) {
    text += String.fromCharCode(Number(state >> 56n));
    state = (state * PRIME_64) & 0xffff_ffff_ffff_ffffn;
  }
  return text;
}

describe('XXH32', () => {
  const vectors: readonly (readonly [string, number, number])[] = [
    [sanityBytes(0), 0, 0x02cc5d05],
    [sanityBytes(0), PRIME_32, 0x36b78ae7],
    [sanityBytes(1), 0, 0xcf65b03e],
    [sanityBytes(1), PRIME_32, 0xb4545aa4],
    [sanityBytes(14), 0, 0x1208e7e2],
    [sanityBytes(14), PRIME_32, 0x6af1d1fe],
    [sanityBytes(222), 0, 0x5bd11dbd],
    [sanityBytes(222), PRIME_32, 0x58803c5f],
    ['abc', 0, 0x32d153ff],
    ['abcdefghijklmnop', 0, 0x9d2d8b62],
    ['Nobody inspects the spammish repetition', 0, 0xe2293b2f],
    ['\u00e9\u00ff', 0, 0xc85956ab],
  ];
  for (const [text, seed, expected] of vectors) {
    it(`of ${text.length} bytes with seed ${seed} is ${expected.toString(16)}`, () => {
      assert.equal(xxHash32(text, seed), expected);
    });
  }

  it('of a part is that of the part alone', () => {
    const text = fc.stringMatching(/^[!-~]{0,60}$/);
    fc.assert(
      fc.property(text, text, text, (before, part, after) => {
        const end = before.length + part.length;
        assert.equal(xxHash32(before + part + after, 0, before.length, end), xxHash32(part, 0));
      }),
    );
  });
});
