import type { PathRewrite, Redirect } from '../../../federation/model/mesh-route.ts';
import type { CompiledMatch } from './compiled-rule.ts';

const DEFAULT_PORTS = { http: 80, https: 443 } as const;

/**
 * The path that a rule puts in the place of a request's, with the request's query. Of a prefix, `/foo` with `/xyz` makes
 * `/xyz/bar` of `/foo/bar`, whether or not either ends in `/` (HTTPPathModifier's table).
 */
export function rewritePath({ kind, value }: PathRewrite, match: CompiledMatch, path: string): string {
  const question = path.indexOf('?');
  const end = question < 0 ? path.length : question;
  const query = path.slice(end);
  if (kind === 'full') return `${rooted(value)}${query}`;
  const rest = path.slice(match.path?.kind === 'prefix' ? match.path.exact.length : end, end);
  const prefix = value.endsWith('/') ? value.slice(0, -1) : value;
  return `${rooted(prefix === '' ? rest : rooted(prefix) + rest)}${query}`;
}

function rooted(path: string): string {
  return path.startsWith('/') ? path : `/${path}`;
}

/**
 * The field `location` of a redirect.
 * @param authority of the request, with its port if it has one
 * @param path what `rewritePath` made of the request's
 */
export function redirectLocation(
  redirect: Redirect,
  scheme: 'http' | 'https',
  authority: string,
  path: string,
): string {
  const colon = authority.lastIndexOf(':');
  const hasPort = colon > authority.lastIndexOf(']');
  const host = redirect.hostname ?? (hasPort ? authority.slice(0, colon) : authority);
  const to = redirect.scheme ?? scheme;
  const own = hasPort ? Number(authority.slice(colon + 1)) : undefined;
  // The port that a client used belongs to the scheme that it used.
  const port = redirect.port ?? (redirect.scheme === undefined ? own : undefined);
  const shown = port === undefined || port === DEFAULT_PORTS[to] ? '' : `:${port}`;
  return `${to}://${host}${shown}${path}`;
}
