/** How often in a row what never comes again is passed over before some of it is remembered. */
const MAX_PASSED_OVER = 64;

/**
 * Whether it pays to remember what was just said. What was remembered last came again, or did not: then more and more
 * is passed over, and to remember costs next to nothing where nothing repeats.
 */
export class Repetition {
  #came = true;
  #passOver = 0;
  #passedOver = 0;

  /** What was remembered came again. */
  came(): void {
    this.#came = true;
  }

  /** It did not: whether to remember this instead. */
  takes(): boolean {
    if (!this.#came && ++this.#passedOver <= this.#passOver) return false;
    this.#passOver = this.#came ? 0 : Math.min(MAX_PASSED_OVER, 2 * this.#passOver + 1);
    this.#passedOver = 0;
    this.#came = false;
    return true;
  }
}
