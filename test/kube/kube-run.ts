import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { KubeCluster } from './kube-cluster.ts';
import { runProgram } from './program.ts';

interface Owner {
  after(end: () => Promise<void>): void;
}

/**
 * Clusters that belong together: on one bridge, in one folder, apart from those of every other run on the machine. All of
 * them are deleted when the owner ends, and also when this process is killed: guard.sh then sees its stdin end.
 */
export class KubeRun {
  readonly #guard: ChildProcessByStdio<Writable, Readable, null>;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #folder: string;

  private constructor(guard: ChildProcessByStdio<Writable, Readable, null>, number: string, folder: string) {
    this.#guard = guard;
    this.#folder = folder;
    this.#environment = { KUBENODE_RUN: number, KUBENODE_STATE: folder };
  }

  static async start(owner: Owner): Promise<KubeRun> {
    // A process group of its own: Ctrl-C is for the tests, not for what tidies up after them.
    const guard = spawn(join(import.meta.dirname, 'guard.sh'), {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    });
    const lines = createInterface(guard.stdout);
    const ended = once(guard, 'exit').then(([code]) => {
      throw new Error(`guard.sh ended with ${code}`);
    });
    const [line]: string[] = await Promise.race([once(lines, 'line'), ended]);
    // From here on its end is what `end` waits for.
    ended.catch(() => undefined);
    const [number = '', folder = ''] = (line ?? '').split(' ');
    const run = new KubeRun(guard, number, folder);
    owner.after(() => run.#end());
    return run;
  }

  /**
   * Makes a cluster and waits until it is ready: about 11 s.
   * @param name at most 10 letters; also the name of its node
   * @param number 1..60, another for each cluster of the run; sets its addresses (README.md)
   */
  async up(name: string, number: number): Promise<KubeCluster> {
    await runProgram(join(import.meta.dirname, 'up.sh'), [name, `${number}`], { env: this.#environment });
    return new KubeCluster({
      name,
      number,
      folder: join(this.#folder, name),
      environment: this.#environment,
    });
  }

  async #end(): Promise<void> {
    if (this.#guard.exitCode !== null || this.#guard.signalCode !== null) return;
    this.#guard.stdin.end();
    const [code] = await once(this.#guard, 'exit');
    if (code !== 0)
      throw new Error(`guard.sh could not delete the clusters in ${this.#folder}: it ended with ${code}`);
  }
}
