import { UserError } from '../../federation/model/user-error.ts';

/** What came of asking: the answer, or what a person is told of why there is none. */
export type Attempt<T> =
  | { readonly kind: 'answered'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: UserError };

/** Anything but a UserError is a fault of ours and goes on. */
export async function attempt<T>(asking: Promise<T>): Promise<Attempt<T>> {
  try {
    return { kind: 'answered', value: await asking };
  } catch (failure) {
    if (failure instanceof UserError) return { kind: 'failed', error: failure };
    throw failure;
  }
}
