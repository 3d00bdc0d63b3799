import { type ChildProcess, fork } from 'node:child_process';
import type { LoadPlan } from './load-process.ts';
import { siblingScript } from './process-group.ts';
import type { Sample } from './sample.ts';

/** The load process seen from the demo: samples come in while it runs. */
export class LoadRun {
  readonly samples: Sample[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(plan: LoadPlan) {
    this.#child = fork(siblingScript('./load-process'), [JSON.stringify(plan)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child.on('message', (samples) => {
      for (const sample of samples as Sample[]) this.samples.push(sample);
    });
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('exit', (code) => {
        if (code === 0) resolve();
        else reject(new Error(`the load process ended with ${code}`));
      });
    });
    // Seen by whoever awaits stop(); without this a crash in between would end the demo unexplained.
    this.#ended.catch(() => undefined);
  }

  /** Resolves when every request sent has its answer. */
  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.send('stop');
    await this.#ended;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
