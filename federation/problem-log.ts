import type { Logger } from 'pino';
import type { ProviderProblem } from '../clusters/provider.ts';
import type { LogPace } from './log-pace.ts';
import type { UserError } from './model/user-error.ts';

const STATE_HINT = 'what is in force stays so meanwhile; it is tried again by itself';

/** What is wrong, each with its hint. */
type Problems = ReadonlyMap<string, string | undefined>;

interface Subject {
  now: Problems;
  told: Problems;
}

/**
 * Logs problems when they come and when they go, not each time that they are looked at. What comes and goes too fast
 * is told at the log's pace, as it is by then.
 */
export class ProblemLog {
  readonly #log: Logger;
  readonly #pace: LogPace;
  readonly #subjects = new Map<string, Subject>();

  constructor(log: Logger, pace: LogPace) {
    this.#log = log;
    this.#pace = pace;
  }

  /** @param problem undefined when there is none any more */
  tell(subject: string, problem: UserError | undefined): void {
    const now: Problems = new Map(problem && [[problem.message, problem.hint]]);
    this.#note(subject, now, (before) => {
      for (const [message, hint] of now) this.#log.error({ hint }, `${subject}: ${message}`);
      if (now.size === 0 && before.size > 0) this.#log.info(`${subject}: works again`);
    });
  }

  tellResources(problems: readonly ProviderProblem[]): void {
    const now = new Map(problems.map(({ where, message, hint }) => [`${where}: ${message}`, hint]));
    this.#note('resources', now, (before) => this.#tellChanges(before, now));
  }

  /** What keeps the service from saving or renewing what it has: each a sentence that names the file. */
  tellState(problems: readonly string[]): void {
    const now = new Map(problems.map((text) => [text, STATE_HINT]));
    this.#note('state', now, (before) => this.#tellChanges(before, now));
  }

  /** @param say writes the difference to what was told before */
  #note(name: string, now: Problems, say: (before: Problems) => void): void {
    const subject = this.#subjects.getOrInsertComputed(name, () => ({ now: new Map(), told: new Map() }));
    if (sameTexts(subject.now, now)) return;
    subject.now = now;
    this.#pace.tell(name, () => {
      const before = subject.told;
      subject.told = now;
      if (!sameTexts(before, now)) say(before);
    });
  }

  #tellChanges(before: Problems, now: Problems): void {
    for (const [text, hint] of now) if (!before.has(text)) this.#log.error({ hint }, text);
    for (const text of before.keys()) if (!now.has(text)) this.#log.info(`no longer: ${text}`);
  }
}

function sameTexts(a: Problems, b: Problems): boolean {
  return a.size === b.size && [...a.keys()].every((text) => b.has(text));
}
