/** One in this many requests is a POST, and one in this many is on a connection of its own. */
const ONE_IN = 10;
const POST_AT = 3;
const FRESH_AT = 7;

/** Which requests of one protocol are special, exactly one in ten of each, however they are bundled. */
export class LoadMix {
  #requests = 0;
  #connections = 0;

  /** Whether the next request is a POST. */
  nextIsPost(): boolean {
    return this.#requests++ % ONE_IN === POST_AT;
  }

  /** Whether the next request, or burst of requests of one size, is on a connection of its own. */
  nextIsFresh(): boolean {
    return this.#connections++ % ONE_IN === FRESH_AT;
  }
}
