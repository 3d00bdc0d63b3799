import { Finding } from './finding.ts';
import type { Random } from './random.ts';

const MOST_SINGLE_BYTES = 3000;

/** Runs the same bytes whole, byte by byte, and cut in two. @throws Finding when they do not mean the same. */
export async function sameInPieces(
  bytes: Buffer,
  random: Random,
  run: (pieces: readonly Buffer[]) => Promise<string>,
): Promise<void> {
  const whole = await run([bytes]);
  const at = random.below(bytes.length + 1);
  const ways = [[bytes.subarray(0, at), bytes.subarray(at)]];
  if (bytes.length <= MOST_SINGLE_BYTES)
    ways.push(Array.from(bytes, (_, index) => bytes.subarray(index, index + 1)));
  for (const pieces of ways) {
    const outcome = await run(pieces.filter(({ length }) => length > 0));
    if (outcome === whole) continue;
    throw new Finding('differs', `whole: ${whole}\nin ${pieces.length} pieces (cut at ${at}): ${outcome}`);
  }
}
