import type { Logger } from 'pino';
import { type Readable, Watchable } from './runtime/watchable.ts';

/** What is wrong around a federation service, a sentence for each topic, as its state tells it. */
export class OutsideProblems {
  readonly #list = new Watchable<readonly string[]>([]);
  readonly #byTopic = new Map<string, string>();
  readonly #log: Pick<Logger, 'warn' | 'info'>;

  constructor(log: Pick<Logger, 'warn' | 'info'>) {
    this.#log = log;
  }

  get list(): Readable<readonly string[]> {
    return this.#list;
  }

  /** @param problem undefined = it is over. The same is logged once. */
  tell(topic: string, problem: unknown): void {
    const before = this.#byTopic.get(topic);
    const message = textOf(problem);
    if (message === before) return;
    if (message === undefined) {
      this.#byTopic.delete(topic);
      this.#log.info({ about: topic }, 'is well again');
    } else {
      this.#byTopic.set(topic, message);
      this.#log.warn({ about: topic }, message);
    }
    this.#list.set([...this.#byTopic.values()]);
  }
}

function textOf(problem: unknown): string | undefined {
  if (problem === undefined) return undefined;
  return problem instanceof Error ? problem.message : String(problem);
}
