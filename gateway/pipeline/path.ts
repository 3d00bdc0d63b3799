/**
 * One normal form for paths, so that route, authorize and forward see the same bytes and no spelling passes a rule
 * that another spelling of the same path would not: `\` and the escapes of `/` and `\` become `/`, unreserved
 * characters are unescaped (RFC 3986 section 6.2.2.2), runs of `/` become one, `.` and `..` segments are
 * resolved (section 5.2.4). The query stays as it is. Normalising twice changes nothing.
 *
 * @returns undefined for what is refused: no leading slash, a fragment, a broken escape, an escaped NUL, a path
 * that climbs above its root.
 */
export function normalisePath(path: string): string | undefined {
  if (path.charCodeAt(0) !== SLASH) return path === '*' ? path : undefined;
  return isPlain(path) ? path : normaliseSlowly(path);
}

const SLASH = 0x2f;
const DOT = 0x2e;
const QUESTION = 0x3f;

/** Nearly every path is in normal form already: nothing in it needs a second look. */
function isPlain(path: string): boolean {
  let afterSlash = true;
  for (let i = 1; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === QUESTION) return !path.includes('#', i);
    if (code === 0x25 /* % */ || code === 0x5c /* \ */ || code === 0x23 /* # */) return false;
    if (afterSlash && (code === SLASH || code === DOT)) return false;
    afterSlash = code === SLASH;
  }
  return true;
}

function normaliseSlowly(path: string): string | undefined {
  if (path.includes('#')) return undefined;
  const question = path.indexOf('?');
  const rawPath = question < 0 ? path : path.slice(0, question);
  const unescaped = unescapePath(rawPath);
  if (unescaped === undefined) return undefined;
  const resolved = resolveSegments(unescaped);
  if (resolved === undefined || question < 0) return resolved;
  return resolved + path.slice(question);
}

const UNRESERVED = /^[A-Za-z0-9._~-]$/;
const ESCAPE = /%(?:[0-9A-Fa-f]{2})?/g;

function unescapePath(path: string): string | undefined {
  let broken = false;
  const unescaped = path.replaceAll('\\', '/').replace(ESCAPE, (sequence) => {
    const code = sequence.length === 3 ? Number.parseInt(sequence.slice(1), 16) : 0;
    if (code === 0) {
      broken = true;
      return '';
    }
    const character = String.fromCharCode(code);
    if (character === '/' || character === '\\') return '/';
    return UNRESERVED.test(character) ? character : sequence.toUpperCase();
  });
  return broken ? undefined : unescaped;
}

function resolveSegments(path: string): string | undefined {
  const segments = path.split('/');
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') kept.push(segment);
    else if (kept.pop() === undefined) return undefined;
  }
  const last = segments.at(-1);
  const folder = kept.length > 0 && (last === '' || last === '.' || last === '..');
  return `/${kept.join('/')}${folder ? '/' : ''}`;
}
