export type FindingKind =
  /** Something was thrown. */
  | 'uncaught'
  /** Input and answers were over, and the connection did not end. */
  | 'hang'
  /** Streams, held bytes or timers were left. */
  | 'leak'
  /** Other pieces of the same bytes meant something else. */
  | 'differs';

/** What a case has found; a case that finds nothing returns normally. */
export class Finding extends Error {
  override readonly name = 'Finding';
  readonly kind: FindingKind;

  constructor(kind: FindingKind, message: string) {
    super(message);
    this.kind = kind;
  }
}
