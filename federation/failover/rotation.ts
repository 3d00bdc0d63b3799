/** A longer rotation would take more memory than its exactness is worth: shares then are within 0.1 %. */
const MAX_LENGTH = 1000;

/**
 * Weights as a fixed order of picks, by earliest deadline first: the k-th pick of an entry is due at k / weight. A
 * round of the order gives each entry exactly its weight's share, and within it each is spread out evenly.
 * @param weights finite, not negative; need not be whole
 * @returns indexes into `weights`; empty when all are 0
 */
export function rotation(weights: readonly number[]): Uint16Array {
  const counts = pickCounts(weights);
  const length = counts.reduce((total, count) => total + count, 0);
  const picked = counts.map(() => 0);
  return Uint16Array.from({ length }, () => {
    const next = earliest(counts, picked);
    picked[next] = (picked[next] ?? 0) + 1;
    return next;
  });
}

/** The entry whose next pick is due first; compared crosswise, so that equal deadlines are equal. */
function earliest(counts: readonly number[], picked: readonly number[]): number {
  let best = -1;
  let bestCount = 0;
  let bestNext = 0;
  for (const [index, count] of counts.entries()) {
    if (count === 0) continue;
    const next = (picked[index] ?? 0) + 1;
    if (best < 0 || next * bestCount < bestNext * count) {
      best = index;
      bestCount = count;
      bestNext = next;
    }
  }
  return best;
}

/** How often each entry comes in one round: whole weights in lowest terms, or as near as the length allows. */
function pickCounts(weights: readonly number[]): readonly number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (sum === 0) return weights.map(() => 0);
  if (weights.every(Number.isSafeInteger)) {
    const divisor = weights.reduce(greatestCommonDivisor, 0);
    if (sum / divisor <= MAX_LENGTH) return weights.map((weight) => weight / divisor);
  }
  return largestRemainder(weights, sum);
}

function largestRemainder(weights: readonly number[], sum: number): readonly number[] {
  const exact = weights.map((weight) => (weight / sum) * MAX_LENGTH);
  const counts = exact.map(Math.floor);
  const left = MAX_LENGTH - counts.reduce((total, count) => total + count, 0);
  const byRemainder = exact
    .map((value, index) => ({ index, remainder: value - Math.floor(value) }))
    .sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  for (const { index } of byRemainder.slice(0, left)) counts[index] = (counts[index] ?? 0) + 1;
  return counts;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
