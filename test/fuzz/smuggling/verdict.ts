import type { LoggingBackend, SeenRequest } from './backends.ts';
import type { Mutant } from './mutants.ts';
import type { Answer, Answers } from './sender.ts';

export interface Trial {
  readonly mutant: Mutant;
  readonly backend: LoggingBackend;
  readonly answered: Answers;
}

export interface Disagreement {
  readonly trial: Trial | undefined;
  readonly problem: string;
}

/** Compares what the senders know with what one backend has logged. */
export function compare(trials: readonly Trial[], seen: readonly SeenRequest[]): Disagreement[] {
  const byMutant = Map.groupBy(seen, idOf);
  const found: Disagreement[] = [];
  for (const trial of trials) {
    const id = String(trial.mutant.id);
    const problem = problemOf(trial, byMutant.get(id) ?? []);
    if (problem !== undefined) found.push({ trial, problem });
    byMutant.delete(id);
  }
  for (const strays of byMutant.values()) {
    found.push({ trial: undefined, problem: `nobody sent ${JSON.stringify(strays)}` });
  }
  return found;
}

/** RFC 8441 has no way to say 200 to a handshake. */
function reached(answer: Answer | undefined, handshake: boolean): boolean {
  return answer?.backend !== undefined || (handshake && answer?.status === 502);
}

/** By its path; a path that has no id by the field, which may itself be a mutant's. */
function idOf({ path, mutant }: SeenRequest): string {
  return /^\/(?:m|smuggled)\/([0-9]+)/.exec(path)?.[1] ?? /[0-9]+/.exec(mutant)?.[0] ?? '';
}

function problemOf({ mutant, answered, backend }: Trial, seen: readonly SeenRequest[]): string | undefined {
  const { requests, rest } = mutant.sent;
  const { answers, finished } = answered;
  if (!finished) return `no end: ${answers.length} answers to ${requests.length} requests`;
  const own = answers.slice(requests.length);
  // One more is the gateway's refusal of what follows.
  if (own.length > 1 || own.some(({ status }) => status < 400))
    return `${answers.length} answers to ${requests.length}`;
  if (own.length === 1 && rest === 'nothing') return 'one answer too many';
  if (answers.some((answer) => answer.backend !== undefined && answer.backend !== backend.name))
    return 'the answer of another';
  const forwarded = requests.filter(({ handshake }, index) => reached(answers[index], handshake));
  const expected = forwarded.map(({ method, path, body }) => JSON.stringify([method, path, body]));
  const actual = seen.map(({ method, path, body }) => JSON.stringify([method, path, body]));
  if (expected.length === actual.length && expected.every((request, index) => request === actual[index]))
    return undefined;
  return `answered for ${expected.join(' ') || 'none'}, the backend saw ${actual.join(' ') || 'none'}`;
}
