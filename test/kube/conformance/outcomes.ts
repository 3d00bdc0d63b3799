/** What became of one test of a suite. Not how long it took: what Go says of that leaves out the parts that run side by side. */
export interface Outcome {
  readonly test: string;
  readonly result: 'passed' | 'failed' | 'skipped';
}

const RESULTS = { PASS: 'passed', FAIL: 'failed', SKIP: 'skipped' } as const;
/** As `go test -v` tells of the tests within one; what those have within them has one slash more. */
const LINE = /^\s*--- (PASS|FAIL|SKIP): \w+\/([^/\s]+) \([\d.]+s\)$/;

/** What a line of a test program's output says of a test of the suite; undefined = nothing. */
export function outcomeOf(line: string): Outcome | undefined {
  const [, said, test] = LINE.exec(line) ?? [];
  if (test === undefined) return undefined;
  return { test, result: RESULTS[said as keyof typeof RESULTS] };
}

/** A line for each test, what failed at the end, where one looks. */
export function linesOf(outcomes: readonly Outcome[]): readonly string[] {
  const order = ['skipped', 'passed', 'failed'];
  return outcomes
    .toSorted((a, b) => order.indexOf(a.result) - order.indexOf(b.result) || (a.test < b.test ? -1 : 1))
    .map(({ test, result }) => `${result.padEnd(8)}${test}`);
}

/** How many there are of each, such as `23 passed, 0 failed, 0 skipped`. */
export function countsOf(outcomes: readonly Outcome[]): string {
  const count = (result: Outcome['result']): number =>
    outcomes.filter((outcome) => outcome.result === result).length;
  return `${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`;
}

/** Whether a run is good: the program says so, a test passed, and none failed. */
export function isGood(outcomes: readonly Outcome[], exitCode: number | null): boolean {
  const results = outcomes.map(({ result }) => result);
  return exitCode === 0 && results.includes('passed') && !results.includes('failed');
}
