import type { Logger } from 'pino';
import type { ProviderProblem } from '../clusters/provider.ts';
import type { UserError } from './model/user-error.ts';

const STATE_HINT = 'what is in force stays so meanwhile; it is tried again by itself';

/** Logs problems when they come and when they go, not each time that they are looked at. */
export class ProblemLog {
  readonly #log: Logger;
  readonly #told = new Map<string, string>();
  #resources: ReadonlySet<string> = new Set();
  #state: ReadonlySet<string> = new Set();

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
    this.#resources = this.#tellChanges(
      this.#resources,
      new Map(problems.map((problem) => [`${problem.where}: ${problem.message}`, problem.hint])),
    );
  }

  /** What keeps the service from saving or renewing what it has: each a sentence that names the file. */
  tellState(problems: readonly string[]): void {
    this.#state = this.#tellChanges(this.#state, new Map(problems.map((text) => [text, STATE_HINT])));
  }

  #tellChanges(before: ReadonlySet<string>, now: ReadonlyMap<string, string>): ReadonlySet<string> {
    for (const [text, hint] of now) if (!before.has(text)) this.#log.error({ hint }, text);
    for (const text of before) if (!now.has(text)) this.#log.info(`no longer: ${text}`);
    return new Set(now.keys());
  }
}
