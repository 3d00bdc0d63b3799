/** What a failure says, for a sentence about it. */
export function failureText(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure);
}
