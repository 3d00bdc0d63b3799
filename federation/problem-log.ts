import type { Logger } from 'pino';
import type { ProviderProblem } from '../clusters/provider.ts';
import type { UserError } from './model/user-error.ts';

/** Logs problems when they come and when they go, not each time that they are looked at. */
export class ProblemLog {
  readonly #log: Logger;
  readonly #told = new Map<string, string>();
  #resources: ReadonlySet<string> = new Set();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param problem undefined when there is none any more */
  tell(subject: string, problem: UserError | undefined): void {
    const before = this.#told.get(subject);
    if (problem === undefined) {
      if (before !== undefined) this.#log.info(`${subject}: works again`);
      this.#told.delete(subject);
    } else if (before !== problem.message) {
      this.#log.error({ hint: problem.hint }, `${subject}: ${problem.message}`);
      this.#told.set(subject, problem.message);
    }
  }

  tellResources(problems: readonly ProviderProblem[]): void {
    const texts = new Map(problems.map((problem) => [`${problem.where}: ${problem.message}`, problem.hint]));
    for (const [text, hint] of texts) if (!this.#resources.has(text)) this.#log.error({ hint }, text);
    for (const text of this.#resources) if (!texts.has(text)) this.#log.info(`no longer: ${text}`);
    this.#resources = new Set(texts.keys());
  }
}
