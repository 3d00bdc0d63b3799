/**
 * For how long somebody who should read what we say has taken nothing of it. Looked at about once a second; what may be
 * done about it depends on `BytePool.patienceMs`.
 */
export class StalledReader {
  #takenBytes = -1;
  #movedAtMs = 0;

  /**
   * 0 while something moves, or nothing waits.
   * @param takenBytes all that the reader's socket ever took
   * @param waiting whether there is more for it
   */
  stoodStillMs(nowMs: number, takenBytes: number, waiting: boolean): number {
    if (waiting && takenBytes === this.#takenBytes) return nowMs - this.#movedAtMs;
    this.#takenBytes = takenBytes;
    this.#movedAtMs = nowMs;
    return 0;
  }
}
