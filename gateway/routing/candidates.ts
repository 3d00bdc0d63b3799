import type { Balancer, Balancing } from './balancing/balancer.ts';
import type { LocalDestination, Tried } from './destination.ts';

/** Equally fit endpoints of one place, in force until one of them becomes unfit or another joins them. */
export class Candidates {
  readonly destinations: readonly LocalDestination[];
  readonly #locality: string | undefined;
  readonly #balancing: Balancing;
  /** Made for the first pick: most lists are never picked from. */
  #balancer: Balancer | undefined;

  /** @param locality `region/zone` of all of them; undefined = they are of any */
  constructor(destinations: readonly LocalDestination[], locality: string | undefined, balancing: Balancing) {
    this.destinations = destinations;
    this.#locality = locality;
    this.#balancing = balancing;
  }

  get length(): number {
    return this.destinations.length;
  }

  /** Only of a list that is not empty. */
  pick(nowMs: number, hash: number | undefined): LocalDestination {
    this.#balancer ??= this.#balancing.over(this.destinations, this.#locality);
    return this.#balancer.pick(nowMs, hash);
  }

  /** The same endpoints, each as another destination. */
  map(change: (destination: LocalDestination) => LocalDestination): Candidates {
    return new Candidates(this.destinations.map(change), this.#locality, this.#balancing);
  }

  /** By what is kept of them: after a new snapshot an endpoint is another object, but the same endpoint. */
  without(tried: Tried): Candidates {
    if (tried.endpoints.length === 0) return this;
    const left = this.destinations.filter(
      ({ endpoint }) => !tried.endpoints.some(({ runtime }) => runtime === endpoint.runtime),
    );
    return new Candidates(left, this.#locality, this.#balancing);
  }
}
