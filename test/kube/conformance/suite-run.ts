import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { finished } from 'node:stream/promises';
import { type Outcome, outcomeOf } from './outcomes.ts';

export interface SuiteRun {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly kubeconfig: string;
  /** All that the program says goes here. */
  readonly log: string;
}

/** Of each test that was begun, and what the program ended with; null = by a signal. */
export interface SuiteResult {
  readonly outcomes: readonly Outcome[];
  readonly exitCode: number | null;
}

/** Runs a test program of Go to its end, whatever that is. */
export async function runSuite({ program, args, cwd, kubeconfig, log }: SuiteRun): Promise<SuiteResult> {
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const file = createWriteStream(log);
  const outcomes: Outcome[] = [];
  for await (const line of createInterface(child.stdout)) {
    file.write(`${line}\n`);
    const outcome = outcomeOf(line);
    if (outcome !== undefined) outcomes.push(outcome);
  }
  file.end();
  await finished(file);
  const [exitCode]: (number | null)[] = await ended;
  return { outcomes, exitCode: exitCode ?? null };
}
