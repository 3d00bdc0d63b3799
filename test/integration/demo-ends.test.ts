import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const CLI = join(import.meta.dirname, '../../cli.ts');
const MARK = 'ISTHMUS_TEST_RUN';

/** A demo whose every process carries a mark in its environment, by which those that are left are found. */
class MarkedDemo {
  readonly #mark = randomUUID();
  readonly #child: ChildProcess;
  #output = '';

  constructor() {
    this.#child = spawn(process.execPath, [CLI, 'demo'], {
      env: { ...process.env, [MARK]: this.#mark },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#output += chunk.toString();
    });
  }

  async until(text: RegExp): Promise<void> {
    while (!text.test(this.#output)) {
      assert.equal(this.#child.exitCode, null, `the demo ended before it said ${text}:\n${this.#output}`);
      await pause(50);
    }
  }

  press(key: string): void {
    this.#child.stdin?.write(key);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Process ids of all that carry the mark. */
  running(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => environment(pid).includes(`${MARK}=${this.#mark}`));
  }

  async untilNothingRuns(): Promise<void> {
    while (this.running().length > 0) await pause(50);
  }

  /** For a test that failed: nothing of it may stay. */
  kill(): void {
    for (const pid of this.running()) process.kill(pid, 'SIGKILL');
  }
}

function environment(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch (failure) {
    // Ended between the listing and the look, or another user's.
    if (['ENOENT', 'ESRCH', 'EACCES'].includes((failure as NodeJS.ErrnoException).code ?? '')) return '';
    throw failure;
  }
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

const onLinux = process.platform === 'linux';

test('Ctrl-C leaves nothing running', { timeout: 120_000 }, async (t) => {
  assert.ok(onLinux, 'this test finds processes by /proc');
  const demo = new MarkedDemo();
  t.after(() => demo.kill());
  await demo.until(/entering at/);
  assert.ok(demo.running().length > 10);
  demo.signal('SIGINT');
  await demo.untilNothingRuns();
});

test('SIGKILL of the demo leaves nothing running, a frozen cluster included', {
  timeout: 120_000,
}, async (t) => {
  const demo = new MarkedDemo();
  t.after(() => demo.kill());
  await demo.until(/entering at/);
  demo.press('f');
  await demo.until(/west: frozen/);
  demo.signal('SIGKILL');
  await demo.untilNothingRuns();
});
