import type { UserError } from '../../federation/model/user-error.ts';
import { attempt } from './attempt.ts';
import type { CommandOutput } from './command-output.ts';

/** One thing that was looked at. */
export type CheckStep =
  | { readonly name: string; readonly state: 'ok'; readonly detail: string }
  | { readonly name: string; readonly state: 'failed'; readonly detail: string; readonly cure: string }
  /** It works, and a person should know of it: no failure. */
  | { readonly name: string; readonly state: 'warning'; readonly detail: string; readonly cure: string }
  /** What it needs failed before it, and `cure` is of that. */
  | {
      readonly name: string;
      readonly state: 'skipped';
      readonly detail: string;
      readonly cure?: string | undefined;
    };

export function ok(name: string, detail: string): CheckStep {
  return { name, state: 'ok', detail };
}

export function failed(name: string, detail: string, cure: string): CheckStep {
  return { name, state: 'failed', detail, cure };
}

export function warning(name: string, detail: string, cure: string): CheckStep {
  return { name, state: 'warning', detail, cure };
}

export function failedBy(name: string, error: UserError): CheckStep {
  return failed(name, error.message, error.hint ?? 'mend what the message says');
}

export function skipped(name: string, detail: string, cure?: string): CheckStep {
  return { name, state: 'skipped', detail, ...(cure === undefined ? {} : { cure }) };
}

/** Steps, or in their place the one reason why they could not be taken. */
export async function stepsOrFailure(
  name: string,
  steps: Promise<readonly CheckStep[]>,
): Promise<readonly CheckStep[]> {
  const taken = await attempt(steps);
  return taken.kind === 'answered' ? taken.value : [failedBy(name, taken.error)];
}

const MARKS = {
  ok: ['green', '✔'],
  failed: ['red', '✖'],
  warning: ['yellow', '!'],
  skipped: ['dim', '–'],
} as const;

/** For a person: what was found, and below it what to do. */
export function stepLine(step: CheckStep, output: CommandOutput): string {
  const [style, mark] = MARKS[step.state];
  const found = `${output.style(style, mark)} ${step.name}: ${step.detail.replaceAll('\n', '\n    ')}`;
  // What was skipped has the cure of a step that a person has just read.
  return step.state === 'failed' || step.state === 'warning' ? `${found}\n    → ${step.cure}` : found;
}
