import type { ProviderProblem } from '../provider.ts';
import type { ResourceKind } from '../schema/resource.ts';
import type { Closure } from './closure.ts';
import { duplicate, type FileObject, type ResourceFile } from './resource-file.ts';

/** All objects of a provider: of two with the same name the one in the file whose path sorts first is used. */
export class ResourceSet {
  readonly #files = new Map<string, ResourceFile>();
  /** Paths of the files that have an object, by kind and id. */
  readonly #holders = new Map<string, Map<string, Set<string>>>();
  /** Of tens of thousands few have something to tell. */
  readonly #troubled = new Set<string>();
  readonly #doubled = new Set<string>();

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
    if ((file?.problems.length ?? 0) + (file?.closures.length ?? 0) > 0) this.#troubled.add(path);
    else this.#troubled.delete(path);
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
    for (const kind of this.#holders.keys()) yield* this.ofKind(kind as ResourceKind);
  }

  /** Every object of a kind that is in force. */
  *ofKind(kind: ResourceKind): Iterable<FileObject> {
    for (const id of this.#holders.get(kind)?.keys() ?? []) {
      const object = this.get(id);
      if (object !== undefined) yield object;
    }
  }

  /** All that is closed, by where its cause is. */
  *closures(): Iterable<readonly [string, Closure]> {
    for (const path of this.#troubled) {
      for (const [index, closure] of (this.#files.get(path)?.closures ?? []).entries()) {
        yield [`${path}#${index}`, closure];
      }
    }
  }

  problems(): ProviderProblem[] {
    const problems = [...this.#troubled].flatMap((path) => this.#files.get(path)?.problems ?? []);
    for (const id of this.#doubled) {
      const [used, ...others] = this.#holdersOf(id).map((path) => this.#files.get(path)?.objects.get(id));
      for (const other of others) {
        if (used !== undefined && other !== undefined) problems.push(duplicate(used, other.file, other.line));
      }
    }
    return problems;
  }

  #holdersOf(id: string): string[] {
    const holders = [...(this.#holders.get(kindOf(id))?.get(id) ?? [])];
    return holders.length < 2 ? holders : holders.sort();
  }

  #hold(id: string, path: string): void {
    const kind = kindOf(id);
    const ids = this.#holders.get(kind) ?? new Map<string, Set<string>>();
    this.#holders.set(kind, ids);
    const holders = ids.get(id);
    if (holders === undefined) ids.set(id, new Set([path]));
    else holders.add(path);
    if ((holders?.size ?? 1) > 1) this.#doubled.add(id);
  }

  #release(id: string, path: string): void {
    const ids = this.#holders.get(kindOf(id));
    const holders = ids?.get(id);
    holders?.delete(path);
    if (holders === undefined || holders.size < 2) this.#doubled.delete(id);
    if (holders?.size === 0) ids?.delete(id);
  }
}

/** An id begins with its kind. */
function kindOf(id: string): string {
  return id.slice(0, id.indexOf('/'));
}
