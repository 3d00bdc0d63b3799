import { readFile, stat } from 'node:fs/promises';
import { extname, relative, sep } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import type { Clock } from '../../federation/runtime/clock.ts';

const EXTENSIONS: ReadonlySet<string> = new Set(['.yaml', '.yml', '.json']);
/** Far more than Kubernetes' own bound of 1.5 MiB an object. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** Editors truncate and then write: only a file that stays empty this long is meant to be empty. */
export const EMPTY_SETTLE_MS = 50;
/** Editors move a file away and write it anew: only one that stays away this long is meant to be gone. */
export const GONE_SETTLE_MS = 100;
/** A modification time further back than this (a file moved in, a clock set) says nothing about now. */
const RECENT_MS = 10_000;

/** When a file came to hold what it holds, Unix ms. */
export interface FileTimes {
  /** When the change was made, as far as that can be told; else now. */
  readonly changedAtMs: number;
  /** The file's own modification time, of any age, unless it lies in the future. */
  readonly modifiedAtMs: number;
}

/** What a watched folder tells. Paths are relative to the folder. */
export interface FolderListener {
  changed(file: string, text: string, times: FileTimes): void;
  removed(file: string): void;
  unreadable(file: string, reason: string): void;
}

/** Follows the YAML and JSON files of a folder and all below it, but for those whose name begins with a dot. */
export class FolderWatch {
  readonly ready: Promise<void>;
  readonly #root: string;
  readonly #clock: Clock;
  readonly #listener: FolderListener;
  readonly #watcher: FSWatcher;
  readonly #nonEmpty = new Set<string>();
  /** The last step of each file that is under way: steps of one file follow each other, so that the newest wins. */
  readonly #steps = new Map<string, Promise<void>>();
  /** Files that are looked at again soon, each with what cancels that. */
  readonly #looks = new Map<string, () => void>();

  constructor(root: string, clock: Clock, listener: FolderListener) {
    this.#root = root;
    this.#clock = clock;
    this.#listener = listener;
    this.#watcher = watch(root, {
      ignored: (path, stats) =>
        this.#isHidden(path) || (stats?.isFile() === true && !EXTENSIONS.has(extname(path))),
      atomic: false,
      alwaysStat: false,
    });
    this.#watcher.on('add', (path) => this.#read(path, true));
    this.#watcher.on('change', (path) => this.#read(path, true));
    this.#watcher.on('unlink', (path) => this.#lookLater(path, GONE_SETTLE_MS, () => this.#remove(path)));
    this.#watcher.on('error', (failure) => listener.unreadable('.', String(failure)));
    this.ready = new Promise((resolve) => {
      this.#watcher.once('ready', () => void this.#settle().then(resolve));
    });
  }

  async close(): Promise<void> {
    await this.#watcher.close();
    await this.#settle();
    for (const cancel of this.#looks.values()) cancel();
    this.#looks.clear();
  }

  /** A mounted ConfigMap holds its versions in folders such as `..data`, and links to their files. */
  #isHidden(path: string): boolean {
    return relative(this.#root, path)
      .split(sep)
      .some((name) => name.startsWith('.'));
  }

  async #settle(): Promise<void> {
    while (this.#steps.size > 0) await Promise.all(this.#steps.values());
  }

  #step(path: string, take: () => Promise<void>): void {
    const before = this.#steps.get(path) ?? Promise.resolve();
    const step: Promise<void> = before.then(take).finally(() => {
      if (this.#steps.get(path) === step) this.#steps.delete(path);
    });
    this.#steps.set(path, step);
  }

  #lookLater(path: string, delayMs: number, look: () => void): void {
    this.#forgetLook(path);
    const cancel = this.#clock.after(delayMs, () => {
      this.#looks.delete(path);
      look();
    });
    this.#looks.set(path, cancel);
  }

  #forgetLook(path: string): void {
    this.#looks.get(path)?.();
    this.#looks.delete(path);
  }

  #read(path: string, mayWait: boolean): void {
    this.#forgetLook(path);
    this.#step(path, () => this.#readNow(path, mayWait));
  }

  async #readNow(path: string, mayWait: boolean): Promise<void> {
    const file = relative(this.#root, path);
    try {
      const { mtimeMs, size } = await stat(path);
      if (size > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`);
      const text = await readFile(path, 'utf8');
      if (text.trim() === '' && mayWait && this.#nonEmpty.has(file)) {
        this.#lookLater(path, EMPTY_SETTLE_MS, () => this.#read(path, false));
        return;
      }
      if (text.trim() === '') this.#nonEmpty.delete(file);
      else this.#nonEmpty.add(file);
      this.#listener.changed(file, text, fileTimes(mtimeMs, this.#clock.now()));
    } catch (failure) {
      // Gone between the event and the read: its removal is told by an event of its own.
      if ((failure as NodeJS.ErrnoException).code === 'ENOENT') return;
      this.#listener.unreadable(file, failure instanceof Error ? failure.message : String(failure));
    }
  }

  /** Behind the file's reads: one that began before it went away must not bring it back. */
  #remove(path: string): void {
    this.#step(path, async () => {
      if (await isThere(path)) return this.#readNow(path, true);
      const file = relative(this.#root, path);
      this.#nonEmpty.delete(file);
      this.#listener.removed(file);
    });
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (failure) {
    // Any other failure is the read's to tell.
    return (failure as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

function fileTimes(mtimeMs: number, nowMs: number): FileTimes {
  const modifiedAtMs = mtimeMs <= nowMs ? Math.floor(mtimeMs) : nowMs;
  return { changedAtMs: nowMs - modifiedAtMs < RECENT_MS ? modifiedAtMs : nowMs, modifiedAtMs };
}
