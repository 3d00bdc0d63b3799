import { duration } from '../schema/duration.ts';
import { usageError } from './usage-error.ts';

const MAX_TIMEOUT_MS = 3_600_000;

/** `--timeout`, ms. @throws UserError */
export function parseTimeout(text: string, leastMs = 0): number {
  const parsed = duration.safeParse(text);
  if (parsed.success && parsed.data >= leastMs && parsed.data <= MAX_TIMEOUT_MS) return parsed.data;
  throw usageError(`--timeout ${text}: is not a duration from ${leastMs / 1_000}s to 1h`, 'for example 2m');
}
