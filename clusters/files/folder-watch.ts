import { readFile, stat } from 'node:fs/promises';
import { extname, relative } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import type { Clock } from '../../federation/runtime/clock.ts';

const EXTENSIONS: ReadonlySet<string> = new Set(['.yaml', '.yml', '.json']);
/** Far more than Kubernetes' own bound of 1.5 MiB an object. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** Editors truncate and then write: only a file that stays empty this long is meant to be empty. */
const EMPTY_SETTLE_MS = 50;
/** A modification time further back than this (a file moved in, a clock set) says nothing about now. */
const RECENT_MS = 10_000;

/** What a watched folder tells. Paths are relative to the folder. */
export interface FolderListener {
  changed(file: string, text: string, changedAtMs: number): void;
  removed(file: string): void;
  unreadable(file: string, reason: string): void;
}

/** Follows the YAML and JSON files of a folder and all below it. */
export class FolderWatch {
  readonly ready: Promise<void>;
  readonly #root: string;
  readonly #clock: Clock;
  readonly #listener: FolderListener;
  readonly #watcher: FSWatcher;
  readonly #nonEmpty = new Set<string>();
  /** The last read of each file that is under way: reads of one file follow each other, so that the newest wins. */
  readonly #reads = new Map<string, Promise<void>>();

  constructor(root: string, clock: Clock, listener: FolderListener) {
    this.#root = root;
    this.#clock = clock;
    this.#listener = listener;
    this.#watcher = watch(root, {
      ignored: (path, stats) => stats?.isFile() === true && !EXTENSIONS.has(extname(path)),
      atomic: false,
      alwaysStat: false,
    });
    this.#watcher.on('add', (path) => this.#read(path, true));
    this.#watcher.on('change', (path) => this.#read(path, true));
    this.#watcher.on('unlink', (path) => this.#remove(path));
    this.#watcher.on('error', (failure) => listener.unreadable('.', String(failure)));
    this.ready = new Promise((resolve) => {
      this.#watcher.once('ready', () => void this.#settle().then(resolve));
    });
  }

  async close(): Promise<void> {
    await this.#watcher.close();
    await this.#settle();
  }

  async #settle(): Promise<void> {
    while (this.#reads.size > 0) await Promise.all(this.#reads.values());
  }

  #read(path: string, mayWait: boolean): void {
    const before = this.#reads.get(path) ?? Promise.resolve();
    const reading: Promise<void> = before
      .then(() => this.#readNow(path, mayWait))
      .finally(() => {
        if (this.#reads.get(path) === reading) this.#reads.delete(path);
      });
    this.#reads.set(path, reading);
  }

  async #readNow(path: string, mayWait: boolean): Promise<void> {
    const file = relative(this.#root, path);
    try {
      const { mtimeMs, size } = await stat(path);
      if (size > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`);
      const text = await readFile(path, 'utf8');
      if (text.trim() === '' && mayWait && this.#nonEmpty.has(file)) {
        this.#clock.after(EMPTY_SETTLE_MS, () => this.#read(path, false));
        return;
      }
      if (text.trim() === '') this.#nonEmpty.delete(file);
      else this.#nonEmpty.add(file);
      this.#listener.changed(file, text, changeTime(mtimeMs, this.#clock.now()));
    } catch (failure) {
      // Gone between the event and the read: its removal is told by an event of its own.
      if ((failure as NodeJS.ErrnoException).code === 'ENOENT') return;
      this.#listener.unreadable(file, failure instanceof Error ? failure.message : String(failure));
    }
  }

  #remove(path: string): void {
    const file = relative(this.#root, path);
    this.#nonEmpty.delete(file);
    this.#listener.removed(file);
  }
}

/** When a change was made: the file's own time where that can be true, else now. */
function changeTime(modifiedAtMs: number, nowMs: number): number {
  return modifiedAtMs <= nowMs && nowMs - modifiedAtMs < RECENT_MS ? Math.floor(modifiedAtMs) : nowMs;
}
