/** Something that collects output during a turn of the event loop and writes it at the turn's end. */
export interface Flushable {
  flush(): void;
}

/**
 * Writes each connection once per turn of the event loop: in a `setImmediate`, which runs after all sockets that
 * were readable in that turn. What came in on many client sockets so leaves in one write of the trunk.
 */
export class FlushTurn {
  #dirty: Flushable[] = [];
  #spare: Flushable[] = [];
  #scheduled = false;
  #count = 0;
  readonly #run = (): void => {
    this.#scheduled = false;
    this.#count++;
    this.flushNow();
  };

  /**
   * A number that is the same until the turn's end: what was computed under it holds for the turn. Whoever asks keeps
   * the turn from lasting over an idle event loop.
   */
  get current(): number {
    this.#schedule();
    return this.#count;
  }

  /** Once per output and turn; the output remembers that it was added until its `flush` is called. */
  add(output: Flushable): void {
    this.#dirty.push(output);
    this.#schedule();
  }

  /** What a flush adds (a drained socket lets held data go) is flushed in the next turn. */
  flushNow(): void {
    const outputs = this.#dirty;
    this.#dirty = this.#spare;
    this.#spare = outputs;
    for (const output of outputs) output.flush();
    outputs.length = 0;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#run);
  }
}
