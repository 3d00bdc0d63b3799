/** As far as `Output` says it; bytes. */
interface Queue {
  readonly queuedBytes: number;
  /** Since the connection's beginning. */
  readonly sentBytes: number;
}

/**
 * How many of our answers (to PING, SETTINGS, refused streams) may wait to be sent. Not only an empty queue clears the count: a
 * connection that always has DATA to send sends its answers too, and would else be ended after so many in all of its life.
 */
export class UnsentAnswers {
  /** Once so much is sent, so are all `older` ones. */
  #markBytes = 0;
  #older = 0;
  #newer = 0;

  /** One more. @returns how many wait, at most: some may have been sent already */
  add({ queuedBytes, sentBytes }: Queue): number {
    if (queuedBytes === 0) {
      this.#older = 0;
      this.#newer = 0;
      this.#markBytes = sentBytes;
      return 0;
    }
    if (sentBytes >= this.#markBytes) {
      this.#older = this.#newer;
      this.#newer = 0;
      this.#markBytes = sentBytes + queuedBytes;
    }
    this.#newer++;
    return this.#older + this.#newer;
  }
}
