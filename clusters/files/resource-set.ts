import type { ProviderProblem } from '../provider.ts';
import type { Closure } from './closure.ts';
import { duplicate, type FileObject, type ResourceFile } from './resource-file.ts';

/** All objects of a folder: of two with the same name the one in the file whose path sorts first is used. */
export class ResourceSet {
  readonly #files = new Map<string, ResourceFile>();
  readonly #holders = new Map<string, Set<string>>();

  file(path: string): ResourceFile | undefined {
    return this.#files.get(path);
  }

  files(): Iterable<readonly [string, ResourceFile]> {
    return this.#files;
  }

  /** Replaces (or removes) what a file holds; returns the ids whose object in force may have changed. */
  replace(path: string, file: ResourceFile | undefined): Set<string> {
    const before = this.#files.get(path);
    const touched = new Set([...(before?.objects.keys() ?? []), ...(file?.objects.keys() ?? [])]);
    for (const id of before?.objects.keys() ?? []) this.#release(id, path);
    if (file === undefined) this.#files.delete(path);
    else this.#files.set(path, file);
    for (const id of file?.objects.keys() ?? []) this.#hold(id, path);
    for (const id of touched) {
      if (before?.objects.get(id)?.content === file?.objects.get(id)?.content) touched.delete(id);
    }
    return touched;
  }

  get(id: string): FileObject | undefined {
    const [first] = this.#holdersOf(id);
    return first === undefined ? undefined : this.#files.get(first)?.objects.get(id);
  }

  /** Every object in force. */
  *all(): Iterable<FileObject> {
    for (const id of this.#holders.keys()) {
      const object = this.get(id);
      if (object !== undefined) yield object;
    }
  }

  /** All that is closed, by where its cause is. */
  *closures(): Iterable<readonly [string, Closure]> {
    for (const [path, { closures }] of this.#files) {
      for (const [index, closure] of closures.entries()) yield [`${path}#${index}`, closure];
    }
  }

  problems(): ProviderProblem[] {
    const problems = [...this.#files.values()].flatMap((file) => file.problems);
    for (const id of this.#holders.keys()) {
      const [used, ...others] = this.#holdersOf(id).map((path) => this.#files.get(path)?.objects.get(id));
      for (const other of others) {
        if (used !== undefined && other !== undefined) problems.push(duplicate(used, other.file, other.line));
      }
    }
    return problems;
  }

  #holdersOf(id: string): string[] {
    return [...(this.#holders.get(id) ?? [])].sort();
  }

  #hold(id: string, path: string): void {
    const holders = this.#holders.get(id);
    if (holders === undefined) this.#holders.set(id, new Set([path]));
    else holders.add(path);
  }

  #release(id: string, path: string): void {
    const holders = this.#holders.get(id);
    holders?.delete(path);
    if (holders?.size === 0) this.#holders.delete(id);
  }
}
