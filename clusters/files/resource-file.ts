import { readYamlDocuments } from '../../federation/config/yaml-document.ts';
import type { ProviderProblem } from '../provider.ts';
import { type Resource, readResource, resourceId } from '../schema/resource.ts';
import type { FileTimes } from './folder-watch.ts';

/** One object of a file, and since when it has this content. */
export interface FileObject {
  readonly id: string;
  readonly resource: Resource;
  readonly file: string;
  readonly line: number;
  /** Unix ms. */
  readonly changedAtMs: number;
  /** Unix ms: for objects that do not say it themselves, since when its file is as it was first seen. */
  readonly createdAtMs: number;
  /** Its content, to tell whether it changed. */
  readonly content: string;
}

/** What a file gave the last time it was read. */
export interface ResourceFile {
  readonly objects: ReadonlyMap<string, FileObject>;
  readonly problems: readonly ProviderProblem[];
}

const RESOURCES_HINT = 'the last good version stays in force until this is mended';

/**
 * Reads a file's text. What cannot be read keeps the version that `previous` has of it: of the object, of all objects
 * of its name when its kind is unknown, of all that the file had when it does not even say its name.
 */
export function readResourceFile(
  file: string,
  text: string,
  times: FileTimes,
  previous: ResourceFile | undefined,
): ResourceFile {
  const objects = new Map<string, FileObject>();
  const problems: ProviderProblem[] = [];
  const mayBe: ((id: string) => boolean)[] = [];
  for (const document of readYamlDocuments(text)) {
    const read = readResource(document);
    if (read.kind === 'invalid') {
      for (const problem of read.problems) problems.push(asProblem(file, problem));
      mayBe.push(read.mayBe);
      continue;
    }
    const id = resourceId(read.resource);
    const twin = objects.get(id);
    if (twin !== undefined) {
      problems.push(duplicate(twin, file, read.line));
      continue;
    }
    objects.set(id, fileObject(id, read.resource, file, read.line, times, previous));
  }
  for (const [id, old] of previous?.objects ?? []) {
    if (!objects.has(id) && mayBe.some((fits) => fits(id))) objects.set(id, old);
  }
  return { objects, problems };
}

function fileObject(
  id: string,
  resource: Resource,
  file: string,
  line: number,
  times: FileTimes,
  previous: ResourceFile | undefined,
): FileObject {
  const content = JSON.stringify(resource);
  const old = previous?.objects.get(id);
  if (old?.content === content) return { ...old, line };
  const { changedAtMs, modifiedAtMs } = times;
  return { id, resource, file, line, changedAtMs, createdAtMs: old?.createdAtMs ?? modifiedAtMs, content };
}

function asProblem(
  file: string,
  problem: { readonly line: number; readonly message: string; readonly hint: string | undefined },
): ProviderProblem {
  const hint = problem.hint === undefined ? RESOURCES_HINT : `${problem.hint}; ${RESOURCES_HINT}`;
  return { where: `${file}:${problem.line}`, message: problem.message, hint };
}

/** Two objects of one name: the first is used. */
export function duplicate(first: FileObject, file: string, line: number): ProviderProblem {
  return {
    where: `${file}:${line}`,
    message: `${first.id} is also in ${first.file}:${first.line}, which is used`,
    hint: 'remove one of the two',
  };
}
