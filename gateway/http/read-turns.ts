/** Something that reads much from its socket. */
export interface BulkReader {
  /** It may read again. */
  readOn(): void;
}

/** A read of less is a message, and not counted. */
const BULK_BYTES = 16 * 1024;
/** About a third of a millisecond's work. */
const TURN_BYTES = 512 * 1024;
/** As large as one read can be: who was told to read on makes at least one. */
const READ_BYTES = 64 * 1024;

/**
 * Divides the turns of the event loop among those that read much. The event loop reads from each ready socket up to 32
 * times before it looks at the next: a hundred large answers at once would be one turn of tens of milliseconds, in which
 * nobody else is served. Past half a MiB in a turn, whoever has just read pauses until its turn comes.
 */
export class ReadTurns {
  #leftBytes = TURN_BYTES;
  #scheduled = false;
  readonly #waiting: BulkReader[] = [];
  readonly #next = (): void => this.#nextTurn();

  /** True when the turn is used up: the reader must pause, and hears from us. */
  usedUp(reader: BulkReader, bytes: number): boolean {
    if (bytes < BULK_BYTES) return false;
    this.#leftBytes -= bytes;
    this.#schedule();
    if (this.#leftBytes > 0) return false;
    this.#waiting.push(reader);
    return true;
  }

  #nextTurn(): void {
    this.#scheduled = false;
    this.#leftBytes = TURN_BYTES;
    for (const reader of this.#waiting.splice(0, TURN_BYTES / READ_BYTES)) reader.readOn();
    if (this.#waiting.length > 0) this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#next);
  }
}
