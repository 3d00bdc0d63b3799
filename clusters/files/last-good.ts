import { z } from 'zod';
import type { Clock } from '../../federation/runtime/clock.ts';
import { readIfThere, writeDurably } from '../../federation/runtime/durable-file.ts';
import { Saver } from '../../federation/runtime/saver.ts';
import type { ProviderProblem } from '../provider.ts';
import { parseStored, resourceId, storedForm } from '../schema/resource.ts';
import { contentDigest, type FileObject, type ResourceFile } from './resource-file.ts';

/** Rules are on disk soon: an older version of one must not come back in place of a newer. */
const RULES_DELAY_MS = 500;
/** All the rest may be megabytes, and matters only where a file breaks before the next start. */
const REST_DELAY_MS = 15_000;

const storedObject = z.strictObject({
  line: z.int().min(0),
  changedAtMs: z.number(),
  createdAtMs: z.number(),
  resource: z.unknown(),
});
const storedFile = z.strictObject({ whole: z.boolean(), objects: z.array(storedObject) });
const storedState = z.strictObject({ version: z.literal(1), files: z.record(z.string(), storedFile) });

type StoredFile = z.infer<typeof storedFile>;

/** What a file held when an earlier process ended. */
export interface EarlierFile {
  readonly objects: ReadonlyMap<string, FileObject>;
  /** Whether that was all: false when a part could not be read then either. */
  readonly whole: boolean;
}

/** What an earlier process kept, and the first thing of it that this one does not read. */
interface Earlier {
  readonly files: Map<string, EarlierFile>;
  readonly fault?: unknown;
}

interface LastGoodOptions {
  /** The file it is kept in; made when it is not there. */
  readonly path: string;
  readonly clock: Clock;
  /** Asked for when it is written. */
  readonly current: () => Iterable<readonly [string, ResourceFile]>;
}

/** The last good version of every file's objects, on disk, so that a restart over a broken file finds it again. */
export class LastGood {
  readonly #options: LastGoodOptions;
  readonly #earlier: Map<string, EarlierFile>;
  readonly #damage: ProviderProblem | undefined;
  readonly #saver: Saver;
  #cancelRest: (() => void) | undefined;

  private constructor(
    options: LastGoodOptions,
    earlier: Map<string, EarlierFile>,
    damage: ProviderProblem | undefined,
  ) {
    this.#options = options;
    this.#earlier = earlier;
    this.#damage = damage;
    this.#saver = new Saver(options.clock, RULES_DELAY_MS, () => this.#write());
  }

  /** Never fails: a file that is damaged is a problem, and counts as if there were no last good version. */
  static async open(options: LastGoodOptions): Promise<LastGood> {
    try {
      const text = await readIfThere(options.path);
      const { files, fault }: Earlier = text === undefined ? { files: new Map() } : parseState(text);
      return new LastGood(options, files, fault === undefined ? undefined : damaged(options.path, fault));
    } catch (failure) {
      return new LastGood(options, new Map(), damaged(options.path, failure));
    }
  }

  /** What an earlier process knew of a file: until its first reading counts. */
  earlier(file: string): EarlierFile | undefined {
    return this.#earlier.get(file);
  }

  /** The file was read: what is known of it now is newer. */
  outdated(file: string): void {
    this.#earlier.delete(file);
  }

  /** Every file was looked at: what was not asked for is of files that were removed meanwhile. */
  forgetTheRest(): void {
    if (this.#earlier.size === 0) return;
    this.#earlier.clear();
    this.#saver.changed();
  }

  /** @param rules whether the change may concern who may do what */
  changed(rules: boolean): void {
    if (rules) {
      this.#saver.changed();
      return;
    }
    this.#cancelRest ??= this.#options.clock.after(REST_DELAY_MS, () => {
      this.#cancelRest = undefined;
      this.#saver.changed();
    });
  }

  problems(): ProviderProblem[] {
    const unsaved = this.#saver.problem.value;
    const found = this.#damage === undefined ? [] : [this.#damage];
    if (unsaved === undefined) return found;
    const message = `the last good versions cannot be saved: ${unsaved}`;
    const hint =
      'make room, or give this user the right to write it; until then a restart may find older ones';
    return [...found, { where: this.#options.path, message, hint }];
  }

  /** Told when `problems` may have changed. */
  onProblem(listener: () => void): void {
    this.#saver.problem.watch(listener);
  }

  /** Writes what is not written yet. */
  async close(): Promise<void> {
    if (this.#cancelRest !== undefined) {
      this.#cancelRest();
      this.#saver.changed();
    }
    await this.#saver.close();
  }

  async #write(): Promise<void> {
    const entries: string[] = [];
    const add = (path: string, whole: boolean, objects: Iterable<FileObject>): void => {
      const list = [...objects].map(printObject).join(',\n');
      entries.push(`${JSON.stringify(path)}:{"whole":${whole},"objects":[${list}]}`);
    };
    for (const [path, { whole, objects }] of this.#earlier) add(path, whole, objects.values());
    for (const [path, { problems, objects }] of this.#options.current()) {
      add(path, problems.length === 0, objects.values());
    }
    await writeDurably(this.#options.path, `{"version":1,"files":{${entries.join(',\n')}}}\n`);
  }
}

function printObject({ line, changedAtMs, createdAtMs, resource }: FileObject): string {
  const times = `"line":${line},"changedAtMs":${changedAtMs},"createdAtMs":${createdAtMs}`;
  return `{${times},"resource":${storedForm(resource)}}`;
}

/**
 * An object that this release does not read takes no other with it; its file is not whole then.
 * @throws Error when the text is not such a state.
 */
function parseState(text: string): Earlier {
  const { files } = storedState.parse(JSON.parse(text));
  const faults: unknown[] = [];
  const read = Object.entries(files).map(
    ([file, stored]) => [file, earlierFile(file, stored, (fault) => faults.push(fault))] as const,
  );
  return { files: new Map(read), fault: faults[0] };
}

function earlierFile(file: string, stored: StoredFile, onFault: (fault: unknown) => void): EarlierFile {
  const objects = new Map<string, FileObject>();
  let { whole } = stored;
  for (const { resource: value, ...times } of stored.objects) {
    try {
      const resource = parseStored(value);
      const id = resourceId(resource);
      objects.set(id, { ...times, id, resource, file, content: contentDigest(resource) });
    } catch (failure) {
      whole = false;
      onFault(failure);
    }
  }
  return { whole, objects };
}

function damaged(path: string, failure: unknown): ProviderProblem {
  // What zod says of a whole file is long; its first line names the place.
  const reason = failure instanceof z.ZodError ? z.prettifyError(failure).split('\n')[0] : String(failure);
  return {
    where: path,
    message: `the last good versions of an earlier process cannot be read: ${reason}`,
    hint: 'the file is written anew; what cannot be read in the resources now has no last good version',
  };
}
