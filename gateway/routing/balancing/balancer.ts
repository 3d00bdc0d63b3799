import type { LocalDestination } from '../destination.ts';

/**
 * A choice among equals: endpoints of one locality that are equally fit. Each way of choosing is a file of this
 * folder; one that keeps state keeps it in what its factory returns, one per route.
 */
export interface Balancer {
  /**
   * @param candidates not empty
   * @param hash for ways that send the same request the same way each time; the others ignore it
   */
  pick(candidates: readonly LocalDestination[], nowMs: number, hash: number | undefined): LocalDestination;
}
