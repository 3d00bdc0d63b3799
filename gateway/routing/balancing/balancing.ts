import type { LoadBalancing } from '../../../federation/model/traffic-policy.ts';
import type { LocalEndpoint } from '../local-endpoint.ts';
import type { Balancing } from './balancer.ts';
import { HashedBalancing } from './hashed.ts';
import { leastRequest } from './least-request.ts';
import { powerOfTwo } from './power-of-two.ts';
import { atRandom } from './random.ts';
import { roundRobin } from './round-robin.ts';

/**
 * The way of choosing that a policy asks for.
 * @param before that of the same route in the snapshot before
 * @param random gives 0 ≤ x < 1
 */
export function balancingOf(
  policy: LoadBalancing,
  endpoints: readonly LocalEndpoint[],
  before: Balancing | undefined,
  random: () => number,
): Balancing {
  switch (policy.kind) {
    case 'power-of-two':
      return powerOfTwo(policy.slowStart, random);
    case 'round-robin':
      return roundRobin(policy.slowStart, random);
    case 'random':
      return atRandom(policy.slowStart, random);
    case 'least-request':
      return leastRequest(policy, random);
    case 'ring-hash':
    case 'maglev':
      return new HashedBalancing(policy, endpoints, before, random);
  }
}
