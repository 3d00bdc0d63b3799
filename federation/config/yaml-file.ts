import { readFile, stat } from 'node:fs/promises';
import type { z } from 'zod';
import { UserError } from '../model/user-error.ts';
import { checkYaml, readYamlDocuments, type YamlProblem } from './yaml-document.ts';

/** No honest configuration file is larger; a wrong path (a core dump, a log) is refused before it is read. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/**
 * Reads a configuration file of exactly one YAML document and checks it.
 * @throws UserError with `file:line` of each offending value, or why the file cannot be read.
 */
export async function readYamlFile<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  return parseYaml(await readTextFile(path), path, schema);
}

/**
 * The same for a text that is already there; `name` stands for the file in messages.
 * @throws UserError as `readYamlFile`.
 */
export function parseYaml<T>(text: string, name: string, schema: z.ZodType<T>): T {
  const [document, second] = readYamlDocuments(text);
  if (document === undefined) {
    throw new UserError(`${name} is empty`, { hint: 'it must hold one YAML document' });
  }
  if (second !== undefined) {
    throw new UserError(`${name}:${second.lineOf([])}: a second document`, {
      hint: 'it must hold one YAML document',
    });
  }
  const checked = checkYaml(document, schema);
  if (checked.kind === 'invalid') throw asUserError(name, checked.problems);
  return checked.value;
}

/**
 * A small text file, whole.
 * @throws UserError saying why it cannot be read.
 */
export async function readTextFile(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > MAX_FILE_BYTES) {
      throw new UserError(`${path} is ${size} bytes long, more than ${MAX_FILE_BYTES}`, {
        hint: 'is it the right file?',
      });
    }
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw unreadable(path, error);
  }
}

const MEND_HINT = 'correct it there and start again';

const READ_HINTS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'check the path: there is no such file'],
  ['EISDIR', 'name the file, not its folder'],
  ['EACCES', 'give this user the right to read it'],
]);

function unreadable(path: string, error: unknown): UserError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return new UserError(`cannot read ${path} (${code})`, { hint: READ_HINTS.get(code), cause: error });
}

function asUserError(name: string, problems: readonly YamlProblem[]): UserError {
  const lines = problems.map(({ line, message, hint }) => {
    const more = hint !== undefined && problems.length > 1 ? ` (${hint})` : '';
    return `${name}:${line}: ${message}${more}`;
  });
  const only = problems.length === 1 ? problems[0]?.hint : undefined;
  return new UserError(lines.join('\n'), { hint: only ?? MEND_HINT });
}
