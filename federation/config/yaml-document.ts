import { type Document, isMap, isNode, isScalar, LineCounter, parseAllDocuments } from 'yaml';
import type { z } from 'zod';
import { describeIssue } from './issue-wording.ts';

/** What is wrong at one place of a YAML text. */
export interface YamlProblem {
  /** Line in the text, counted from 1. */
  readonly line: number;
  readonly message: string;
  readonly hint: string | undefined;
}

/** Keys and list positions from the document's top, as zod's issues name a place. */
export type YamlPath = readonly PropertyKey[];

/** One document of a YAML text, whose values can be traced back to their lines. */
export interface YamlDocument {
  /** Plain objects, arrays and scalars; undefined where `problems` says that it does not parse. */
  readonly value: unknown;
  /** Where `value` is undefined: what could be made out all the same. To guess what was meant, never to be used. */
  readonly remains: unknown;
  /** What it was read from, for the same purpose: a parser that gave up leaves no more. */
  readonly text: string;
  /** What the parser found wrong: syntax, duplicate keys, aliases without an anchor. */
  readonly problems: readonly YamlProblem[];
  /** The line of the value (or of the key, for a map's entry) at a path, or of what is nearest above it. */
  lineOf(path: YamlPath): number;
}

export type Checked<T> =
  | { readonly kind: 'valid'; readonly value: T }
  | { readonly kind: 'invalid'; readonly problems: readonly YamlProblem[] };

/** Aliases multiply what a short text holds; a hundred uses are more than any honest file has. */
const MAX_ALIAS_COUNT = 100;

/** Splits a text into its documents; empty ones (nothing between two `---`) are left out. */
export function readYamlDocuments(text: string): readonly YamlDocument[] {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, version: '1.2' });
  if (!Array.isArray(parsed)) return [];
  return parsed
    .filter((document) => document.contents !== null || document.errors.length > 0)
    .map((document) => readDocument(document, lines, textFrom(text, document.range[0])));
}

/** Up to the next document by its marker alone: where the syntax is broken the parser loses its place earlier. */
function textFrom(text: string, start: number): string {
  const end = text.slice(start).search(/\n---(?:\s|$)/);
  return end < 0 ? text.slice(start) : text.slice(start, start + end);
}

/** Checks a document's value once, at the edge: strict schemas refuse unknown keys and name the one meant. */
export function checkYaml<T>(document: YamlDocument, schema: z.ZodType<T>): Checked<T> {
  if (document.problems.length > 0) return { kind: 'invalid', problems: document.problems };
  const result = schema.safeParse(document.value, { error: describeIssue });
  if (result.success) return { kind: 'valid', value: result.data };
  return {
    kind: 'invalid',
    problems: result.error.issues.flatMap((issue) => problemsOf(issue, document, [])),
  };
}

function readDocument(document: Document.Parsed, lines: LineCounter, text: string): YamlDocument {
  const lineAt = (offset: number): number => Math.max(1, lines.linePos(offset).line);
  const problems: YamlProblem[] = document.errors.map((error) => ({
    line: lineAt(error.pos[0]),
    message: error.message,
    hint: undefined,
  }));
  const lineOf = (path: YamlPath): number => lineAt(offsetOf(document, path));
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIAS_COUNT });
    if (problems.length > 0) return { value: undefined, remains: value, text, problems, lineOf };
    return { value, remains: undefined, text, problems, lineOf };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (problems.length === 0) problems.push({ line: lineOf([]), message, hint: undefined });
    return { value: undefined, remains: undefined, text, problems, lineOf };
  }
}

function offsetOf(document: Document.Parsed, path: YamlPath): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range[0] ?? document.range[0];
  for (const step of path) {
    const entry = entryOf(node, step);
    if (entry === undefined) return offset;
    offset = entry.offset ?? offset;
    node = entry.value;
  }
  return offset;
}

function entryOf(
  node: unknown,
  step: PropertyKey,
): { offset: number | undefined; value: unknown } | undefined {
  if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
    if (pair === undefined) return undefined;
    return { offset: startOf(pair.key), value: pair.value };
  }
  if (isNode(node) && 'items' in node && Array.isArray(node.items)) {
    const item: unknown = node.items[Number(step)];
    return item === undefined ? undefined : { offset: startOf(item), value: item };
  }
  return undefined;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

type Issue = z.core.$ZodIssue;

function problemsOf(issue: Issue, document: YamlDocument, base: YamlPath): YamlProblem[] {
  const path = [...base, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key, index) => ({
      line: document.lineOf([...path, key]),
      message: `${place([...path, key])}: unknown key`,
      hint: issue.message.split('\n')[index] || undefined,
    }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // Of several shapes the one that fits best (the fewest complaints) is probably what was meant.
    const [best] = [...issue.errors].sort((left, right) => left.length - right.length);
    return (best ?? []).flatMap((inner) => problemsOf(inner, document, path));
  }
  return [{ line: document.lineOf(path), message: `${place(path)}: ${issue.message}`, hint: undefined }];
}

function place(path: YamlPath): string {
  return path.length === 0 ? 'the document' : path.map(String).join('.');
}
