import { hash } from 'node:crypto';
import {
  readYamlDocuments,
  type YamlDocument,
  type YamlProblem,
} from '../../federation/config/yaml-document.ts';
import type { ProviderProblem } from '../provider.ts';
import { type Resource, readResource, resourceId } from '../schema/resource.ts';
import { type Closure, closureOf, describeClosure, idOf, lossOf, restrictingKind } from './closure.ts';
import type { FileTimes } from './folder-watch.ts';

/**
 * One object, and since when it has this content. `file` is where it comes from: a file of the folder, or the object
 * itself where it comes from Kubernetes.
 */
export interface FileObject {
  readonly id: string;
  readonly resource: Resource;
  readonly file: string;
  /** From 1; 0 = the whole of it, for an object from Kubernetes has no lines. */
  readonly line: number;
  /** Unix ms. */
  readonly changedAtMs: number;
  /** Unix ms: for objects that do not say it themselves, since when its file is as it was first seen. */
  readonly createdAtMs: number;
  /** A digest of its content, to tell whether it changed. */
  readonly content: string;
}

/** What a file (or Kubernetes, of one object) gave the last time it was read. */
export interface ResourceFile {
  readonly objects: ReadonlyMap<string, FileObject>;
  readonly problems: readonly ProviderProblem[];
  /** What is closed until the file is mended. */
  readonly closures: readonly Closure[];
}

/** How a file is read. */
export interface FileReading extends FileTimes {
  /**
   * At the start nothing is in force yet, so that an unreadable object leaves no rule at all: what it restricts is
   * closed. Later what was in force before it came stays.
   */
  readonly atStart: boolean;
}

const KEPT_HINT = 'the last good version stays in force until this is mended';

interface Unreadable {
  readonly document: YamlDocument;
  readonly problems: readonly YamlProblem[];
  readonly mayBe: (id: string) => boolean;
}

/** Reads a file's text. */
export function readResourceFile(
  file: string,
  text: string,
  reading: FileReading,
  previous: ResourceFile | undefined,
): ResourceFile {
  return readDocuments(file, readYamlDocuments(text), reading, previous);
}

/**
 * Reads what one place holds. What cannot be read keeps the version that `previous` has of it: of the object, of all objects
 * of its name when its kind is unknown, of all that the file had when it does not even say its name.
 */
export function readDocuments(
  file: string,
  documents: readonly YamlDocument[],
  reading: FileReading,
  previous: ResourceFile | undefined,
): ResourceFile {
  const objects = new Map<string, FileObject>();
  const problems: ProviderProblem[] = [];
  const unreadable: Unreadable[] = [];
  for (const document of documents) {
    const read = readResource(document);
    if (read.kind === 'invalid') {
      unreadable.push({ document, problems: read.problems, mayBe: read.mayBe });
      continue;
    }
    const id = resourceId(read.resource);
    const twin = objects.get(id);
    if (twin !== undefined) {
      problems.push(duplicate(twin, file, read.line));
      continue;
    }
    objects.set(id, fileObject(id, read.resource, file, read.line, reading, previous));
  }
  const missing = [...(previous?.objects ?? [])].filter(([id]) => !objects.has(id));
  const mayClose = reading.atStart || (previous?.closures.length ?? 0) > 0;
  const closed = mayClose ? uncovered(unreadable, missing, file) : new Map<Unreadable, Closure>();
  for (const one of unreadable) {
    const kept = missing.filter(([id]) => one.mayBe(id));
    for (const [id, old] of kept) objects.set(id, old);
    const closure = closed.get(one);
    const isKept = kept.length > 0 && closure === undefined;
    const effect = isKept ? KEPT_HINT : withoutGoodVersion(one.document, closure);
    for (const problem of one.problems) problems.push(asProblem(file, problem, effect));
  }
  return { objects, problems, closures: [...closed.values()] };
}

/**
 * What is closed: each unreadable rule for which no good version is kept. A good rule that is kept stands for one
 * unreadable document only, and a good object of another kind for none: what else is unreadable is a new rule.
 */
function uncovered(
  unreadable: readonly Unreadable[],
  missing: readonly (readonly [string, FileObject])[],
  file: string,
): Map<Unreadable, Closure> {
  const free = new Set(missing.map(([id]) => id));
  const closed = new Map<Unreadable, Closure>();
  const unnamed: [Unreadable, Closure][] = [];
  for (const one of unreadable) {
    const closure = closureOf(one.document, file);
    if (closure === undefined) continue;
    const id = idOf(one.document, closure);
    if (id === undefined) unnamed.push([one, closure]);
    else if (!free.delete(id)) closed.set(one, closure);
  }
  for (const [one, closure] of unnamed) {
    const kind = `${restrictingKind(closure)}/`;
    const good = [...free].find((id) => id.startsWith(kind) && one.mayBe(id));
    if (good === undefined) closed.set(one, closure);
    else free.delete(good);
  }
  return closed;
}

function withoutGoodVersion(document: YamlDocument, closure: Closure | undefined): string {
  const effect = closure === undefined ? lossOf(document) : describeClosure(closure);
  return `there is no last good version: until this is mended ${effect}`;
}

function fileObject(
  id: string,
  resource: Resource,
  file: string,
  line: number,
  times: FileTimes,
  previous: ResourceFile | undefined,
): FileObject {
  const content = contentDigest(resource);
  const old = previous?.objects.get(id);
  if (old?.content === content) return { ...old, line };
  const { changedAtMs, modifiedAtMs } = times;
  return { id, resource, file, line, changedAtMs, createdAtMs: old?.createdAtMs ?? modifiedAtMs, content };
}

/** To tell whether an object changed without keeping it twice. */
export function contentDigest(resource: Resource): string {
  return hash('sha256', JSON.stringify(resource), 'base64');
}

/** Where an object is, for a person. */
export function placeOf({ file, line }: Pick<FileObject, 'file' | 'line'>): string {
  return line === 0 ? file : `${file}:${line}`;
}

function asProblem(file: string, problem: YamlProblem, effect: string): ProviderProblem {
  const hint = problem.hint === undefined ? effect : `${problem.hint}; ${effect}`;
  return { where: placeOf({ file, line: problem.line }), message: problem.message, hint };
}

/** Two objects of one name: the first is used. */
export function duplicate(first: FileObject, file: string, line: number): ProviderProblem {
  return {
    where: placeOf({ file, line }),
    message: `${first.id} is also in ${placeOf(first)}, which is used`,
    hint: 'remove one of the two',
  };
}
