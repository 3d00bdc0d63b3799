import type { z } from 'zod';

const MAX_LENGTH = 200;

/** The first thing wrong with outside input, in one bounded line: the input may be made to fill logs. */
export function firstFault(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return 'not as expected';
  const path = issue.path.map(String).join('.');
  const text = path === '' ? issue.message : `${path}: ${issue.message}`;
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, MAX_LENGTH);
}
