import { chmod, readdir, rm, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Document, parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';
import type { ServiceName } from '../../federation/model/service.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { readIfThere, writeDurably } from '../../federation/runtime/durable-file.ts';
import type { FolderLayout } from './layout.ts';

type ResourceLayout = Pick<FolderLayout, 'resources'>;

/** As the file provider reads them. */
const EXTENSIONS: ReadonlySet<string> = new Set(['.yaml', '.yml', '.json']);
const API_GROUP = 'multicluster.x-k8s.io/';
/** A line that says nothing; a comment does: it is a person's. */
const BLANK_OR_MARKER = /^(---|\.\.\.|%.*)?$/;

const outline = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.object({ name: z.string(), namespace: z.string().default('default') }),
});

type Outline = z.infer<typeof outline>;

/** A file of the resources, and what is in it. */
interface ReadFile {
  readonly path: string;
  readonly text: string;
  readonly documents: readonly Document.Parsed[];
}

/** Whether the folder has the Service itself. */
export async function hasService(layout: ResourceLayout, service: ServiceName): Promise<boolean> {
  const isIt = (found: Outline): boolean => found.kind === 'Service' && found.apiVersion === 'v1';
  return (await filesWith(layout, service, isIt)).length > 0;
}

/**
 * Makes the ServiceExport, in a file of its own, unless the folder has it already.
 * @returns the file that it is in
 */
export async function writeExport(layout: ResourceLayout, service: ServiceName): Promise<string> {
  const [there] = await filesWith(layout, service, isExport);
  if (there !== undefined) return there.path;
  const { namespace, name } = service;
  const path = join(layout.resources, 'exports', namespace, `${name}.yaml`);
  // What is there under that name is a person's, whatever it holds.
  if ((await readIfThere(path)) !== undefined) {
    throw new UserError(`${path} is there, and is not the ServiceExport of ${namespace}/${name}`, {
      hint: 'move it away, or write the ServiceExport yourself',
    });
  }
  const object = {
    apiVersion: `${API_GROUP}v1beta1`,
    kind: 'ServiceExport',
    metadata: { name, namespace },
  };
  await writeDurably(path, stringify(object), 0o644);
  return path;
}

/**
 * Takes the ServiceExport out, and leaves what else its file holds, and its mode. A file that holds nothing more goes.
 * @returns the files it was in @throws UserError when one of them cannot be changed; then none is
 */
export async function removeExport(layout: ResourceLayout, service: ServiceName): Promise<readonly string[]> {
  const files = await filesWith(layout, service, isExport);
  const changes = files.map((file) => ({ path: file.path, rest: restOf(file, service) }));
  for (const { path, rest } of changes) {
    if (rest === undefined) await rm(path);
    else await rewrite(path, rest);
  }
  return files.map(({ path }) => path);
}

async function rewrite(path: string, text: string): Promise<void> {
  const mode = (await stat(path)).mode & 0o7777;
  await writeDurably(path, text, mode);
  // The process' umask may have taken something away.
  await chmod(path, mode);
}

/** What the file shall be without the ServiceExport; undefined = nothing. @throws UserError */
function restOf({ path, text, documents }: ReadFile, service: ServiceName): string | undefined {
  const broken = documents.find(({ errors }) => errors.length > 0);
  if (broken !== undefined) {
    throw new UserError(`${path}: ${broken.errors[0]?.message}`, {
      hint: 'mend it first: what cannot be read whole is not changed',
    });
  }
  const [going, staying] = [true, false].map((goes) =>
    documents.filter((document) => isOf(document, service, isExport) === goes),
  );
  const rest = without(text, going ?? []);
  if (rest.split('\n').every((line) => BLANK_OR_MARKER.test(line.trim()))) return undefined;
  if (isDeepStrictEqual(contentsOf(parsed(rest)), contentsOf(staying ?? []))) return rest;
  throw new UserError(`${path}: without the ServiceExport it could not be read as before`, {
    hint: "take the ServiceExport out by hand: perhaps another document needs its '...' or its directives",
  });
}

/** undefined where something is not YAML. */
function contentsOf(documents: readonly Document.Parsed[]): readonly unknown[] | undefined {
  if (documents.some(({ errors }) => errors.length > 0)) return undefined;
  return documents
    .filter(({ contents }) => contents !== null)
    .map((document) => document.toJS({ maxAliasCount: 100 }));
}

function isExport({ apiVersion, kind }: Outline): boolean {
  return kind === 'ServiceExport' && apiVersion.startsWith(API_GROUP);
}

async function filesWith(
  { resources }: ResourceLayout,
  service: ServiceName,
  isMeant: (found: Outline) => boolean,
): Promise<readonly ReadFile[]> {
  const found: ReadFile[] = [];
  for (const path of await resourceFiles(resources)) {
    const text = (await readIfThere(path)) ?? '';
    const documents = parsed(text);
    if (documents.some((document) => isOf(document, service, isMeant))) found.push({ path, text, documents });
  }
  return found;
}

/** None where there is nothing. */
function parsed(text: string): readonly Document.Parsed[] {
  const documents = parseAllDocuments(text, { prettyErrors: false });
  return Array.isArray(documents) ? documents : [];
}

/** In the order in which the file provider counts them. */
async function resourceFiles(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && EXTENSIONS.has(extname(entry.name)))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw failure;
  }
}

function isOf(
  document: Document.Parsed,
  { namespace, name }: ServiceName,
  isMeant: (found: Outline) => boolean,
): boolean {
  if (document.errors.length > 0) return false;
  const { success, data } = outline.safeParse(document.toJS({ maxAliasCount: 100 }));
  return success && data.metadata.name === name && data.metadata.namespace === namespace && isMeant(data);
}

/** All else to the letter: it may be a person's, with comments. */
function without(text: string, documents: readonly Document.Parsed[]): string {
  let rest = '';
  let from = 0;
  for (const { range } of documents) {
    rest += text.slice(from, range[0]);
    from = range[2];
  }
  return rest + text.slice(from);
}
