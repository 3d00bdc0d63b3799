import { spawn } from 'node:child_process';

export interface ProgramOptions {
  /** Beside this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Given on stdin; without it stdin is empty. */
  readonly input?: string;
  /** Default five minutes; then the program is killed and the call fails. */
  readonly timeoutMs?: number;
}

/** A program ended with an error, or not in time. Its message has what the program said. */
export class ProgramError extends Error {
  constructor(how: string, stdout: string, stderr: string) {
    super(
      `${how}\n${[stderr, stdout].map((text) => text.trim().slice(-LONGEST_QUOTE)).join('\n')}`.trimEnd(),
    );
    this.name = 'ProgramError';
  }
}

const LONGEST_QUOTE = 8_000;
const DEFAULT_TIMEOUT_MS = 300_000;

/**
 * Runs a program to its end.
 * @returns what it wrote to stdout
 * @throws ProgramError when it could not be started, did not end with 0, or not in time
 */
export function runProgram(
  program: string,
  args: readonly string[],
  { env, cwd, input = '', timeoutMs = DEFAULT_TIMEOUT_MS }: ProgramOptions = {},
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: 'pipe' });
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.stderr += text;
  });
  const fail = (how: string): void =>
    reject(new ProgramError(`${[program, ...args].join(' ')}: ${how}`, said.stdout, said.stderr));
  // A program that ends without reading its stdin closes the pipe under what is written to it.
  child.stdin.on('error', () => child.stdin.destroy());
  child.stdin.end(input);
  const late = setTimeout(() => {
    // Not waiting for 'close': what the program started may hold its pipes open.
    child.kill('SIGKILL');
    fail(`not done in ${timeoutMs} ms`);
  }, timeoutMs);
  child.once('error', (error) => fail(error.message));
  child.once('close', (code, signal) => {
    clearTimeout(late);
    if (code === 0) resolve(said.stdout);
    else fail(`ended with ${code ?? signal}`);
  });
  return promise;
}
