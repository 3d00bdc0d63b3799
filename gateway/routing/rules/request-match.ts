import type { HeaderBlock } from '../../http/stream.ts';
import type { CompiledMatch, CompiledNamed, CompiledRpc, CompiledText } from './compiled-rule.ts';

const SLASH = 0x2f;
const EQUALS = 0x3d;
const AMPERSAND = 0x26;

/** What of a request is compared; its path in normal form, query and all. */
export interface Comparable {
  readonly method: string;
  readonly path: string | undefined;
  readonly block: HeaderBlock;
}

/** The first of `matches` that holds, in their order. Allocates nothing but for escapes in a query that is asked for. */
export function firstMatch(
  matches: readonly CompiledMatch[],
  request: Comparable,
): CompiledMatch | undefined {
  const path = request.path ?? '';
  const question = path.indexOf('?');
  const end = question < 0 ? path.length : question;
  for (let i = 0; i < matches.length; i++) {
    const match = matches[i] as CompiledMatch;
    if (match.method !== undefined && match.method !== request.method) continue;
    if (!matchesPath(match, path, end)) continue;
    if (match.rpc !== undefined && !matchesRpc(match.rpc, path, end)) continue;
    if (matchesFields(match.headers, request.block) && matchesQuery(match.queryParams, path, end))
      return match;
  }
  return undefined;
}

function matchesPath({ path: wanted }: CompiledMatch, path: string, end: number): boolean {
  if (wanted === undefined) return true;
  const { exact, pattern, kind } = wanted;
  if (pattern !== undefined) return pattern.matches(path, 0, end);
  if (kind === 'exact') return end === exact.length && path.startsWith(exact);
  // By elements: `/foo` covers `/foo`, `/foo/` and `/foo/bar`, not `/foobar`.
  if (exact.length === 0) return true;
  if (!path.startsWith(exact)) return false;
  return end === exact.length || (end > exact.length && path.charCodeAt(exact.length) === SLASH);
}

/** `/package.Service/Method`. */
function matchesRpc({ service, method }: CompiledRpc, path: string, end: number): boolean {
  const slash = path.lastIndexOf('/', end - 1);
  if (slash <= 0) return false;
  return (
    (service === undefined || isText(service, path, 1, slash)) &&
    (method === undefined || isText(method, path, slash + 1, end))
  );
}

function isText({ exact, pattern }: CompiledText, text: string, start: number, end: number): boolean {
  if (pattern !== undefined) return pattern.matches(text, start, end);
  return end - start === exact.length && text.startsWith(exact, start);
}

function matchesFields(wanted: readonly CompiledNamed[], block: HeaderBlock): boolean {
  for (const field of wanted) {
    const value = fieldValue(block, field.name);
    if (value === undefined || !isText(field, value, 0, value.length)) return false;
  }
  return true;
}

/** RFC 9110 section 5.2: several fields of one name are one list. */
export function fieldValue(block: HeaderBlock, name: string): string | undefined {
  let found: string | undefined;
  for (let i = 0; i < block.length; i += 2) {
    if (block[i] !== name) continue;
    const value = block[i + 1] as string;
    found = found === undefined ? value : `${found}, ${value}`;
  }
  return found;
}

/** @param question where the query begins, or the path's end */
function matchesQuery(wanted: readonly CompiledNamed[], path: string, question: number): boolean {
  if (wanted.length === 0) return true;
  if (question === path.length) return false;
  const escaped = path.indexOf('%', question) >= 0 || path.indexOf('+', question) >= 0;
  for (const parameter of wanted) {
    if (!(escaped ? hasDecoded(parameter, path, question) : hasParameter(parameter, path, question))) {
      return false;
    }
  }
  return true;
}

/** As the standard says, of several parameters of one name the first counts. */
function hasParameter(wanted: CompiledNamed, path: string, question: number): boolean {
  const { name } = wanted;
  for (let at = question + 1; at <= path.length; ) {
    const next = path.indexOf('&', at);
    const end = next < 0 ? path.length : next;
    const after = path.charCodeAt(at + name.length);
    const ends = at + name.length === end || (at + name.length < end && after === EQUALS);
    if (ends && path.startsWith(name, at)) {
      return isText(wanted, path, Math.min(at + name.length + 1, end), end);
    }
    at = end + 1;
  }
  return false;
}

/** The same, by what backends make of it: no spelling passes where another of the same would not. */
function hasDecoded(wanted: CompiledNamed, path: string, question: number): boolean {
  for (const part of path.slice(question + 1).split(String.fromCharCode(AMPERSAND))) {
    const equals = part.indexOf('=');
    if (decoded(equals < 0 ? part : part.slice(0, equals)) !== wanted.name) continue;
    const value = equals < 0 ? '' : decoded(part.slice(equals + 1));
    return isText(wanted, value, 0, value.length);
  }
  return false;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (failure) {
    // A broken escape is itself.
    if (failure instanceof URIError) return text;
    throw failure;
  }
}
