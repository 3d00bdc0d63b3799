import { UserError } from '../../federation/model/user-error.ts';
import type { LeftoversReport } from '../kubernetes/leftovers.ts';

/** What is gone, in words. */
export function removedText(removed: LeftoversReport['removed']): string {
  const parts = Object.entries(removed).map(([plural, count]) => `${count} ${plural}`);
  return parts.length === 0 ? 'removed nothing: nothing was left' : `removed ${parts.join(', ')}`;
}

/** @param what is not as it should be @param hint what to do next */
export function unfinished(
  what: string,
  { failures, reasons }: Pick<LeftoversReport, 'failures' | 'reasons'>,
  hint: string,
): UserError {
  const more = failures > reasons.length ? [`and ${failures - reasons.length} more`] : [];
  const told = [...reasons, ...more].map((reason) => `\n  ${reason}`).join('');
  return new UserError(`${what}: ${failures} ${failures === 1 ? 'request' : 'requests'} failed${told}`, {
    hint,
  });
}
