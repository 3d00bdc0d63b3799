/**
 * What happened to a request beside its failure, if it failed: bits, with the flags that the access log and
 * `isthmus_requests_total{flags}` show for them. Flags are Envoy's where it has one.
 */
export const MARK = {
  /** A fault was injected: it was made to wait. */
  delayInjected: 1,
  /** It failed although it was retried as often as its policy allows. */
  retryLimitExceeded: 2,
  /** It would have been retried, but for the budget. */
  retryOverflow: 4,
  /** It is a copy that an HTTPRoute or GRPCRoute asks for, whose response nobody gets. */
  mirrored: 64,
} as const;

const FLAGS: readonly (readonly [number, string])[] = [
  [MARK.delayInjected, 'DI'],
  [MARK.retryLimitExceeded, 'URX'],
  [MARK.retryOverflow, 'UO'],
  [MARK.mirrored, 'MIR'],
];

/** @param failureFlag of the failure, undefined where there was none
 * @returns e.g. `UT,DI`; `-` for none */
export function flagsText(failureFlag: string | undefined, marks: number): string {
  if (marks === 0) return failureFlag ?? '-';
  const marked = FLAGS.filter(([bit]) => (marks & bit) !== 0).map(([, flag]) => flag);
  return [...new Set(failureFlag === undefined ? marked : [failureFlag, ...marked])].join(',');
}
