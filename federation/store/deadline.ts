import type { Clock } from '../runtime/clock.ts';

/** What was asked of the store did not come in time; it may yet be done there. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
  /** As the operating system says it for a connection. */
  readonly code = 'ETIMEDOUT';
}

/** The work's own outcome, or DeadlineError after `deadlineMs`; the work is not stopped. */
export async function withDeadline<T>(clock: Clock, deadlineMs: number, work: Promise<T>): Promise<T> {
  let cancel = (): void => {};
  const late = new Promise<never>((_resolve, reject) => {
    cancel = clock.after(deadlineMs, () => reject(new DeadlineError(`no answer in ${deadlineMs} ms`)));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
  }
}
