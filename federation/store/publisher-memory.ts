import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeDurably } from '../runtime/durable-file.ts';

const schema = z.object({ holder: z.string().min(1).max(100), epoch: z.int().min(0) });

type Remembered = z.infer<typeof schema>;

/**
 * What a publisher knows of itself over restarts: its name as a lease's holder, so that it need not wait for its
 * own old lease to end, and its last epoch, so that a clock set back or a wiped store does not lower it.
 */
export class PublisherMemory {
  readonly #path: string | undefined;
  readonly #freshHolder: string;
  readonly #onProblem: (message: string) => void;
  #loaded: Promise<Remembered> | undefined;
  #epoch = 0;

  constructor(folder: string | undefined, freshHolder: string, onProblem: (message: string) => void) {
    this.#path = folder === undefined ? undefined : join(folder, 'publisher.json');
    this.#freshHolder = freshHolder;
    this.#onProblem = onProblem;
  }

  async holder(): Promise<string> {
    return (await this.#load()).holder;
  }

  async lastEpoch(): Promise<number> {
    return Math.max(this.#epoch, (await this.#load()).epoch);
  }

  /** A disk that does not take it is reported, and stops nobody from publishing. */
  async rememberEpoch(epoch: number): Promise<void> {
    this.#epoch = epoch;
    if (this.#path === undefined) return;
    try {
      await writeDurably(this.#path, `${JSON.stringify({ holder: await this.holder(), epoch })}\n`);
    } catch (failure) {
      this.#onProblem(`the publisher's epoch could not be kept: ${String(failure)}`);
    }
  }

  #load(): Promise<Remembered> {
    this.#loaded ??= this.#read();
    return this.#loaded;
  }

  async #read(): Promise<Remembered> {
    const fresh = { holder: this.#freshHolder, epoch: 0 };
    if (this.#path === undefined) return fresh;
    try {
      return schema.parse(JSON.parse(await readFile(this.#path, 'utf8')));
    } catch (failure) {
      const missing = failure instanceof Error && 'code' in failure && failure.code === 'ENOENT';
      if (!missing) this.#onProblem(`${this.#path} is not usable and begins anew: ${String(failure)}`);
      return fresh;
    }
  }
}
