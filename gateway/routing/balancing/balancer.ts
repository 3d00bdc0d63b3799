import type { LocalDestination } from '../destination.ts';

/** A choice among equals: the equally fit endpoints of one place. Picking allocates nothing. */
export interface Balancer {
  /** @param hash an unsigned 32-bit integer; undefined where the request has nothing to be told by */
  pick(nowMs: number, hash: number | undefined): LocalDestination;
}

/** One of the ways of choosing, as a route's policy says. Each is a file of this folder. */
export interface Balancing {
  /**
   * Makes a list ready to be chosen from. Called once for each list: a new one is made when an endpoint becomes fit
   * or stops being so. What a way keeps from pick to pick it keeps in the result.
   * @param candidates not empty
   * @param locality `region/zone` of all of them; undefined = they are of any
   * @throws RangeError for an empty list
   */
  over(candidates: readonly LocalDestination[], locality: string | undefined): Balancer;
}
