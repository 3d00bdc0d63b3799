/** Something that collects output during a turn of the event loop and writes it at the turn's end. */
export interface Flushable {
  flush(): void;
  /** What it said or did in an output's turn threw: its connection ends at once, and nothing more is written to it. */
  abandon(): void;
}

/**
 * Writes each connection once per turn of the event loop: in a `setImmediate`, which runs after all sockets that
 * were readable in that turn. What came in on many client sockets so leaves in one write of the trunk.
 */
export class FlushTurn {
  readonly #onDefect: (error: unknown) => void;
  #dirty: Flushable[] = [];
  #spare: Flushable[] = [];
  #scheduled = false;
  #count = 0;
  readonly #run = (): void => {
    this.#scheduled = false;
    this.#count++;
    this.flushNow();
  };

  /** @param onDefect a defect of ours came up in a flush; that output is abandoned, all others are flushed */
  constructor(onDefect: (error: unknown) => void) {
    this.#onDefect = onDefect;
  }

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
    for (const output of outputs) {
      try {
        output.flush();
      } catch (error) {
        this.failed(output, error);
      }
    }
    outputs.length = 0;
  }

  /** Such a defect must not end all connections of the worker, nor keep the turn's other outputs from their flush. */
  failed(output: Flushable, error: unknown): void {
    this.#onDefect(error);
    output.abandon();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#run);
  }
}
