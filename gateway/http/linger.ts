/** For the peer to read our last bytes, when the kernel has all of them, before the socket is destroyed. */
const LINGER_MS = 2_000;
/** For a connection whose own flush timeout is 0. */
const PATIENCE_MS = 300_000;

/**
 * How long a connection is kept that is closing. While something of it waits for a slow reader, as long as anything
 * moves: destroyed before, it would cut the end off a message, and its peer might take what it has for the whole.
 */
export class Linger {
  #unsentBytes = -1;
  #movedAtMs = 0;

  /**
   * Whether the socket may be destroyed.
   * @param unsentBytes what the kernel has not taken
   * @param flushTimeoutMs without any progress
   */
  over(nowMs: number, unsentBytes: number, flushTimeoutMs: number): boolean {
    if (unsentBytes !== this.#unsentBytes) {
      this.#unsentBytes = unsentBytes;
      this.#movedAtMs = nowMs;
    }
    const patienceMs = unsentBytes === 0 ? LINGER_MS : flushTimeoutMs || PATIENCE_MS;
    return nowMs - this.#movedAtMs >= patienceMs;
  }
}
