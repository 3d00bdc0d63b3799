import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type ClusterName, isDnsLabel, type LocalCluster } from '../model/cluster.ts';
import { UserError } from '../model/user-error.ts';
import type { Clock } from '../runtime/clock.ts';
import { type Readable, Watchable } from '../runtime/watchable.ts';
import { failureText } from './failure-text.ts';
import { compareMarks, type HighWaterMark } from './head-admission.ts';
import { LazyFile } from './lazy-file.ts';
import { type PeerCopy, parseCopy, printCopy } from './peer-copy.ts';

const MARKS_DELAY_MS = 500;
const COPY_DELAY_MS = 1000;
/** A large copy is written less often: 10,000 records every 30 s. */
const COPY_DELAY_MS_PER_RECORD = 3;
const SUFFIX = '.copy';

const mark = z.strictObject({ epoch: z.int().min(0), version: z.int().min(0) });
const marksSchema = z.object({
  clusterset: z.string(),
  cluster: z.string(),
  marks: z.record(z.string().refine(isDnsLabel), mark),
});

export interface PeerDiskOptions {
  readonly folder: string;
  readonly local: LocalCluster;
  readonly clock: Clock;
}

/**
 * What a follower knows over restarts: a high-water mark for every cluster it ever read, in `marks.json`, and each
 * one's last good copy, in `<cluster>.copy`. The folder is this member's own and is trusted.
 */
export class PeerDisk {
  readonly marks: ReadonlyMap<ClusterName, HighWaterMark>;
  readonly #options: PeerDiskOptions;
  readonly #marks: Map<ClusterName, HighWaterMark>;
  readonly #marksFile: LazyFile;
  readonly #copyFiles = new Map<ClusterName, LazyFile>();
  readonly #failures = new Map<string, unknown>();
  readonly #problem = new Watchable<UserError | undefined>(undefined);

  private constructor(options: PeerDiskOptions, marks: Map<ClusterName, HighWaterMark>) {
    this.#options = options;
    this.#marks = marks;
    this.marks = marks;
    this.#marksFile = this.#file('marks.json', () => {
      const { clusterset, name: cluster } = options.local;
      return `${JSON.stringify({ clusterset, cluster, marks: Object.fromEntries(marks) }, undefined, 1)}\n`;
    });
  }

  /** @throws UserError when the folder cannot be used, is unreadable, or belongs to another cluster. */
  static async open(options: PeerDiskOptions): Promise<PeerDisk> {
    return new PeerDisk(options, await readMarks(options.folder, options.local));
  }

  /** Why the newest state is not on disk. */
  get problem(): Readable<UserError | undefined> {
    return this.#problem;
  }

  /** All copies that can be read; `onBad` is told of the others. */
  async readCopies(
    onBad: (cluster: ClusterName, reason: string) => void,
  ): Promise<Map<ClusterName, PeerCopy>> {
    const copies = new Map<ClusterName, PeerCopy>();
    for (const name of await readdir(this.#options.folder)) {
      const cluster = name.slice(0, -SUFFIX.length);
      if (!name.endsWith(SUFFIX) || !isDnsLabel(cluster)) continue;
      try {
        const content = await readFile(join(this.#options.folder, name), 'utf8');
        copies.set(cluster, parseCopy(this.#options.local.clusterset, content));
      } catch (failure) {
        onBad(cluster, `its last good copy ${name} is not usable: ${failureText(failure)}`);
      }
    }
    return copies;
  }

  raise(cluster: ClusterName, to: HighWaterMark): void {
    const before = this.#marks.get(cluster);
    if (before !== undefined && compareMarks(to, before) <= 0) return;
    this.#marks.set(cluster, to);
    this.#marksFile.touch(MARKS_DELAY_MS);
  }

  /** The copy has changed; `read` gives it when it is written. */
  saveCopy(cluster: ClusterName, size: number, read: () => PeerCopy | undefined): void {
    let file = this.#copyFiles.get(cluster);
    if (file === undefined) {
      file = this.#file(`${cluster}${SUFFIX}`, () => {
        const copy = read();
        return copy === undefined ? '' : printCopy(this.#options.local.clusterset, copy);
      });
      this.#copyFiles.set(cluster, file);
    }
    file.touch(Math.max(COPY_DELAY_MS, COPY_DELAY_MS_PER_RECORD * size));
  }

  /** Writes what is not written yet. */
  async close(): Promise<void> {
    await Promise.all([this.#marksFile, ...this.#copyFiles.values()].map((file) => file.close()));
  }

  #file(name: string, content: () => string): LazyFile {
    const path = join(this.#options.folder, name);
    return new LazyFile({
      path,
      clock: this.#options.clock,
      content,
      onOutcome: (failure) => this.#onOutcome(path, failure),
    });
  }

  #onOutcome(path: string, failure: unknown): void {
    if (failure === undefined) this.#failures.delete(path);
    else this.#failures.set(path, failure);
    const [first] = this.#failures;
    this.#problem.set(first === undefined ? undefined : unwritable(first[0], first[1]));
  }
}

async function readMarks(folder: string, local: LocalCluster): Promise<Map<ClusterName, HighWaterMark>> {
  const path = join(folder, 'marks.json');
  let text: string;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    text = await readFile(path, 'utf8');
  } catch (failure) {
    if (failure instanceof Error && 'code' in failure && failure.code === 'ENOENT') return new Map();
    throw unwritable(path, failure);
  }
  const parsed = parseMarks(path, text);
  if (parsed.clusterset !== local.clusterset || parsed.cluster !== local.name) {
    throw new UserError(
      `${path} belongs to cluster ${parsed.cluster} of ${parsed.clusterset}, not to ${local.name} of ${local.clusterset}`,
      { hint: 'give each cluster a state folder of its own' },
    );
  }
  return new Map(Object.entries(parsed.marks));
}

function parseMarks(path: string, text: string): z.infer<typeof marksSchema> {
  try {
    return marksSchema.parse(JSON.parse(text));
  } catch (failure) {
    throw new UserError(`${path} is not readable as high-water marks: ${failureText(failure)}`, {
      hint: 'restore it, or remove it: then what the store has now is taken as the newest',
      cause: failure,
    });
  }
}

function unwritable(path: string, failure: unknown): UserError {
  return new UserError(`${path} cannot be used: ${failureText(failure)}`, {
    hint: 'free space or correct the permissions of the state folder; until then a restart begins from older state',
    cause: failure,
  });
}
