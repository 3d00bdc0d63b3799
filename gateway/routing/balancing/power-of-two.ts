import type { LocalDestination } from '../destination.ts';
import { expectedCost } from '../peak-ewma.ts';
import type { Balancer } from './balancer.ts';

/**
 * Power of two choices: of two endpoints taken at random the one that would cost less (requests in flight times peak
 * EWMA latency). Nearly as good as looking at all, at the cost of two.
 * @param random gives 0 ≤ x < 1
 */
export function powerOfTwo(random: () => number): Balancer {
  return {
    pick(candidates, nowMs) {
      const count = candidates.length;
      const first = Math.floor(random() * count);
      const chosen = at(candidates, first);
      if (count === 1) return chosen;
      // Among the others: the same one twice would be no choice.
      const offset = 1 + Math.floor(random() * (count - 1));
      const other = at(candidates, (first + offset) % count);
      const cost = expectedCost(chosen.endpoint.runtime, nowMs);
      return expectedCost(other.endpoint.runtime, nowMs) < cost ? other : chosen;
    },
  };
}

function at(candidates: readonly LocalDestination[], index: number): LocalDestination {
  const found = candidates[index];
  if (found === undefined) throw new RangeError('no endpoint to choose from');
  return found;
}
