import { ManualClock } from '../../federation/runtime/clock.ts';
import { type CodecResources, createCodecResources } from '../../gateway/http/resources.ts';
import { Finding } from './finding.ts';
import { turn } from './wire.ts';

const PATIENCE_TURNS = 400;
const LINGER_MS = 1000;

/** What all cases of a run share, as the connections of a worker do: what one leaves behind is seen after it. */
export class Workbench {
  readonly clock = new ManualClock();
  readonly resources: CodecResources;
  #defect: unknown;

  constructor() {
    this.resources = createCodecResources({
      clock: this.clock,
      onDefect: (error) => {
        this.#defect ??= error;
      },
    });
  }

  close(): void {
    this.resources.timers.close();
  }

  /** Waits for what turns of the event loop and the codecs' own deadlines of a few seconds bring about. */
  async until(what: string, condition: () => boolean): Promise<void> {
    for (let count = 1; !condition(); count++) {
      if (count > PATIENCE_TURNS) throw new Finding('hang', what);
      await turn();
      if (count % 50 === 0) this.clock.advance(LINGER_MS);
    }
  }

  /** @throws Finding for what a case has thrown or left. */
  check(openStreams: number): void {
    const defect = this.#defect;
    this.#defect = undefined;
    if (defect !== undefined) throw new Finding('uncaught', textOf(defect));
    if (openStreams !== 0) throw new Finding('leak', `${openStreams} streams`);
    const { usedBytes } = this.resources.heldBytes;
    if (usedBytes !== 0) throw new Finding('leak', `${usedBytes} held bytes`);
  }
}

export function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
