/** Of DATA between two answers, about a second apart; less is no bulk. */
const BULK_BYTES = 1024 * 1024;
/** Of DATA for each stream that was opened meanwhile: many small messages may make as many bytes. */
const BULK_BYTES_PER_STREAM = 20 * 1024;
/** How much longer than usual a PING takes that stands behind bulk. */
const STANDING_MS = 50;
/** In a row: one late answer may be a busy processor. */
const ANSWERS = 2;
/** How quickly a longer round trip without bulk is taken for the path's own. */
const GROWTH = 1 / 8;

/**
 * Whether bulk stands before small on a link: what we send queues in our kernel, what the peer sends in its own, and a
 * PING stands behind both. So a link is crowded while bulk moves on it and PINGs take much longer than without.
 */
export class LinkCrowding {
  /** The path's own round trip. */
  #floorMs = Number.POSITIVE_INFINITY;
  #movedBytes = 0;
  #openedStreams = 0;
  #late = 0;

  get crowded(): boolean {
    return this.#late >= ANSWERS;
  }

  /**
   * A PING was answered.
   * @param movedBytes of DATA, in both directions, so far
   * @param openedStreams so far
   */
  answered(rttMs: number, movedBytes: number, openedStreams: number): void {
    const bytes = movedBytes - this.#movedBytes;
    const streams = openedStreams - this.#openedStreams;
    this.#movedBytes = movedBytes;
    this.#openedStreams = openedStreams;
    const bulk = bytes >= Math.max(BULK_BYTES, BULK_BYTES_PER_STREAM * streams);
    const late = bulk && rttMs - this.#floorMs >= STANDING_MS;
    this.#late = late ? this.#late + 1 : 0;
    if (rttMs < this.#floorMs) this.#floorMs = rttMs;
    else if (!bulk) this.#floorMs += (rttMs - this.#floorMs) * GROWTH;
  }
}
