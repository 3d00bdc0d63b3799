import { UserError } from '../../federation/model/user-error.ts';

/** A flag or argument that cannot be meant so: exit code 2. */
export function usageError(message: string, hint: string): UserError {
  return new UserError(message, { hint, exitCode: 2 });
}

/** @throws UserError with exit code 2 unless the text is a whole number in the range. */
export function wholeNumber(flag: string, text: string, from: number, to: number): number {
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value >= from && value <= to) return value;
  throw usageError(`${flag} ${text}: is not a whole number from ${from} to ${to}`, `give ${flag} another`);
}
