import { mkdir } from 'node:fs/promises';
import { everythingClosed } from './files/closure.ts';
import { type FileTimes, FolderWatch } from './files/folder-watch.ts';
import { type ResourceFile, readResourceFile } from './files/resource-file.ts';
import type { ProviderProblem } from './provider.ts';
import { type ProviderState, ResourceProvider, type ResourceProviderOptions } from './resource-provider.ts';

export interface FileProviderOptions extends ResourceProviderOptions {
  /** Made when it is not there. */
  readonly folder: string;
}

/** A file that was never read may hold a rule for any service. */
const NOTHING_KNOWN: ResourceFile = { objects: new Map(), problems: [], closures: [everythingClosed()] };

/**
 * What a cluster offers, from a watched folder of YAML in Kubernetes' own shapes: for virtual machines, bare metal
 * and for trying everything without Kubernetes. What cannot be read is a problem and changes nothing.
 */
export class FileProvider extends ResourceProvider {
  readonly ready: Promise<void>;
  readonly #watch: FolderWatch;
  readonly #unreadable = new Map<string, ProviderProblem>();
  #listed = false;

  private constructor(options: FileProviderOptions, state: ProviderState) {
    super(options, state);
    this.#watch = new FolderWatch(options.folder, options.clock, {
      changed: (file, text, times) => this.#changed(file, text, times),
      removed: (file) => this.replace([[file, undefined]]),
      unreadable: (file, reason) => this.#cannotRead(file, reason),
    });
    this.ready = this.#watch.ready.then(() => {
      this.#listed = true;
      // Of a folder that could not be listed files may be seen later.
      if (!this.#unreadable.has('.')) this.allRead();
      this.listProblems();
    });
  }

  /** @throws the file system's error when the folder can be neither found nor made. */
  static async open(options: FileProviderOptions): Promise<FileProvider> {
    await mkdir(options.folder, { recursive: true });
    return new FileProvider(options, await ResourceProvider.begin(options));
  }

  async close(): Promise<void> {
    await this.#watch.close();
    await this.end();
  }

  protected ownProblems(): Iterable<ProviderProblem> {
    return this.#unreadable.values();
  }

  #changed(file: string, text: string, times: FileTimes): void {
    this.#unreadable.delete(file);
    const reading = { ...times, atStart: !this.#listed };
    const previous = this.held(file) ?? this.earlier(file);
    this.replace([[file, readResourceFile(file, text, reading, previous)]]);
  }

  #cannotRead(file: string, reason: string): void {
    const first = !this.#listed && this.held(file) === undefined;
    const content = first ? (this.earlier(file) ?? NOTHING_KNOWN) : undefined;
    if (content !== undefined) this.replace([[file, content]]);
    const closed = content !== undefined && content.closures.length > 0;
    const effect = closed
      ? 'what it holds is not known, and it may hold access rules: until then nobody may call any service'
      : 'what it held stays in force';
    const hint = `give this user the right to read it; ${effect}`;
    this.#unreadable.set(file, { where: file, message: `cannot be read: ${reason}`, hint });
    this.problemsLater();
  }
}
