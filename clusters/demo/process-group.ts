import { type ChildProcess, fork, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../federation/model/user-error.ts';
import type { ReaperMessage } from './reaper-process.ts';

const SCRIPT_EXTENSION = extname(fileURLToPath(import.meta.url));

/** The path of a module beside this one, in the form it runs in: `.ts` unbuilt, `.js` built. */
export function siblingScript(relativePath: string): string {
  return fileURLToPath(new URL(`${relativePath}${SCRIPT_EXTENSION}`, import.meta.url));
}

/** A process in a group of its own, so that a signal reaches its workers too. */
export interface GroupedProcess {
  readonly name: string;
  readonly pid: number;
  /** Resolves when it has ended, with its exit code or signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly running: boolean;
  signal(signal: NodeJS.Signals): void;
}

/** Starts processes and sees to it that none outlives the demo. */
export class ProcessNursery {
  readonly #reaper: ChildProcess;
  readonly #processes = new Set<GroupedProcess>();

  constructor() {
    this.#reaper = fork(siblingScript('./reaper-process'), [], { detached: true, stdio: 'ignore' });
    this.#reaper.unref();
    this.#reaper.channel?.unref();
  }

  /** A folder to remove when the demo is gone. */
  adoptFolder(path: string): void {
    this.#tell({ kind: 'folder', path });
  }

  /** Leaves a folder after all: its logs say why something failed. */
  keepFolder(path: string): void {
    this.#tell({ kind: 'keep', path });
  }

  /** Runs a program; what it prints goes to `logFile`. */
  start(name: string, program: string, args: readonly string[], logFile: string): GroupedProcess {
    const log = openSync(logFile, 'a');
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    const pid = child.pid;
    if (pid === undefined) {
      child.once('error', () => undefined);
      throw new UserError(`cannot start ${name}: ${program} did not run`, {
        hint: `is ${program} installed and executable?`,
      });
    }
    this.#tell({ kind: 'started', pid });
    const grouped = this.#group(name, pid, child);
    this.#processes.add(grouped);
    return grouped;
  }

  /** Runs a script of ours under the Node that runs the demo. */
  startScript(name: string, script: string, args: readonly string[], logFile: string): GroupedProcess {
    return this.start(name, process.execPath, [script, ...args], logFile);
  }

  /** Asks all to end, kills those that have not after the grace period, and resolves when none is left. */
  async close(graceMs: number): Promise<void> {
    const all = [...this.#processes];
    for (const child of all) {
      // A frozen process cannot hear SIGTERM.
      child.signal('SIGCONT');
      child.signal('SIGTERM');
    }
    const timer = setTimeout(() => {
      for (const child of all) child.signal('SIGKILL');
    }, graceMs);
    await Promise.all(all.map((child) => child.ended));
    clearTimeout(timer);
    this.#reaper.disconnect();
  }

  #group(name: string, pid: number, child: ChildProcess): GroupedProcess {
    let running = true;
    const ended = new Promise<number | NodeJS.Signals>((resolve) => {
      child.once('exit', (code, signal) => {
        running = false;
        // The leader is gone; what is left of its group must not stay.
        signalGroup(pid, 'SIGKILL');
        this.#tell({ kind: 'ended', pid });
        this.#processes.delete(grouped);
        resolve(signal ?? code ?? 0);
      });
    });
    const grouped: GroupedProcess = {
      name,
      pid,
      ended,
      get running() {
        return running;
      },
      signal: (signal) => {
        if (running) signalGroup(pid, signal);
      },
    };
    return grouped;
  }

  #tell(message: ReaperMessage): void {
    if (this.#reaper.connected) this.#reaper.send(message);
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (failure) {
    // ESRCH: nothing is left of the group, which is what a signal to end wants.
    if ((failure as NodeJS.ErrnoException).code !== 'ESRCH') throw failure;
  }
}
