import type { UserError } from '../../federation/model/user-error.ts';

/** One thing that was looked at. */
export type CheckStep =
  | { readonly name: string; readonly state: 'ok'; readonly detail: string }
  | { readonly name: string; readonly state: 'failed'; readonly detail: string; readonly cure: string }
  /** What it needs failed before it. */
  | { readonly name: string; readonly state: 'skipped'; readonly detail: string };

export function ok(name: string, detail: string): CheckStep {
  return { name, state: 'ok', detail };
}

export function failed(name: string, detail: string, cure: string): CheckStep {
  return { name, state: 'failed', detail, cure };
}

export function failedBy(name: string, error: UserError): CheckStep {
  return failed(name, error.message, error.hint ?? 'mend what the message says');
}

export function skipped(name: string, detail: string): CheckStep {
  return { name, state: 'skipped', detail };
}
