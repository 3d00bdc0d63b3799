/** As much as a connection's window lets be on its way. */
const MAX_BYTES = 16 * 1024 * 1024;
/** From the answer on. */
const MAX_MS = 10_000;
/** Without a byte: it will not end by itself. */
const SILENCE_MS = 2_000;

/**
 * What still comes of a request's body after its complete answer, read and dropped: a client that is told to stop in
 * the middle of it may take that for a failure and lose the answer (RFC 9112 section 9.6; curl 7.88 does so in HTTP/2
 * too, in spite of RFC 9113 section 8.1). An ordinary body ends within these bounds; who sends on and on is cut off.
 */
export class UnwantedBody {
  readonly #sinceMs: number;
  #bytes = 0;
  #seenBytes = 0;
  #movedAtMs: number;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
    this.#movedAtMs = nowMs;
  }

  /** False when it is too much. */
  received(bytes: number): boolean {
    this.#bytes += bytes;
    return this.#bytes <= MAX_BYTES;
  }

  /** To be asked about once a second; `endless`: it goes on and on, `silent`: it does not go on at all. */
  look(nowMs: number): 'wait' | 'silent' | 'endless' {
    if (this.#bytes !== this.#seenBytes) {
      this.#seenBytes = this.#bytes;
      this.#movedAtMs = nowMs;
    }
    if (nowMs - this.#movedAtMs >= SILENCE_MS) return 'silent';
    return nowMs - this.#sinceMs >= MAX_MS ? 'endless' : 'wait';
  }
}
