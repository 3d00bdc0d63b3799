import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, writeDurably } from '../runtime/durable-file.ts';
import { FolderLock } from './folder-lock.ts';

const FILE = 'replica';
const NAME = /^[!-~]{1,200}$/;

export interface ReplicaNameOptions {
  /** This replica's own, for as long as its pod is there. */
  readonly folder: string;
  /** Of the pod: a folder that another pod left behind says nothing, for that one may still run elsewhere. */
  readonly host: string;
  /** Distinguishes processes. */
  readonly fresh: () => string;
  /** What was kept, or could not be, is of no use; the name is good all the same. */
  readonly warn: (message: string) => void;
}

/**
 * A replica's name in an election. It is the same when the process starts again in the same pod, so that it takes up what
 * it held before at once, instead of waiting until its own old lease has ended. The folder is locked for that: a process
 * whose name this is cannot still be running beside.
 */
export class ReplicaName {
  readonly name: string;
  readonly #lock: FolderLock;

  private constructor(name: string, lock: FolderLock) {
    this.name = name;
    this.#lock = lock;
  }

  /** @throws UserError when another process has the folder */
  static async open(options: ReplicaNameOptions): Promise<ReplicaName> {
    const { folder } = options;
    await mkdir(folder, { recursive: true });
    const lock = await FolderLock.take(folder);
    return new ReplicaName(await nameIn(options), lock);
  }

  close(): Promise<void> {
    return this.#lock.release();
  }
}

async function nameIn({ folder, host, fresh, warn }: ReplicaNameOptions): Promise<string> {
  const path = join(folder, FILE);
  const begin = `${host}_`;
  const name = `${begin}${fresh()}`;
  try {
    const kept = (await readIfThere(path))?.trim();
    if (kept?.startsWith(begin) && NAME.test(kept)) return kept;
    await writeDurably(path, `${name}\n`);
  } catch (failure) {
    warn(`${path}: this replica's name is not kept: ${String(failure)}`);
  }
  return name;
}
