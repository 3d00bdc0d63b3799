/** What a command ends with. 0 done, 1 failed, 2 wrong usage, 3 a check found something. */
export type ExitCode = 1 | 2 | 3;

/**
 * An error whose reader is the person at the terminal: `message` says what was wrong and where (file:line or
 * address), `hint` what to do next. Printed without a stack trace.
 */
export class UserError extends Error {
  readonly hint: string | undefined;
  readonly exitCode: ExitCode;

  constructor(message: string, options: { hint?: string; exitCode?: ExitCode; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'UserError';
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 1;
  }
}
