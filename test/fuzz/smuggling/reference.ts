import { normalisePath } from '../../../gateway/pipeline/path.ts';

/** A request as the sender counts it: what a strict reader of RFC 9112 makes of the bytes. */
export interface SentRequest {
  readonly method: string;
  /** In the gateway's normal form; undefined when it has none, so that no backend may see the request. */
  readonly path: string | undefined;
  /** latin1 */
  readonly body: string;
  /** A WebSocket's handshake: a backend that takes it for an ordinary request is answered for with 502. */
  readonly handshake: boolean;
}

export interface Reading {
  readonly requests: readonly SentRequest[];
  /**
   * What comes after the last of them: nothing, half a request, one that must be refused, or the connection's end
   * (asked for, or because the rest is another protocol's).
   */
  readonly rest: 'nothing' | 'incomplete' | 'refused' | 'close';
}

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const REQUEST_LINE = new RegExp(`^(${TOKEN}) ([\\x21-\\x7e]+) HTTP/1\\.([01])$`);
const FIELD = new RegExp(`^(${TOKEN}):[ \\t]*([\\t\\x20-\\x7e\\x80-\\xff]*)$`);
const CHUNK_LINE = /^([0-9a-fA-F]+)(?:;[\t\x20-\x7e\x80-\xff]*)?$/;

/** A head that breaks the grammar, or leaves open where its body ends. */
const REFUSED = Symbol('refused');
const INCOMPLETE = Symbol('incomplete');

/**
 * Reads latin1 bytes as RFC 9112 has it, by regular expressions and without any thought of speed: another reader than
 * the gateway's, so that both must agree. Where the standard allows a lenient reading this one refuses.
 */
export function readRequests(bytes: string): Reading {
  const requests: SentRequest[] = [];
  let at = 0;
  for (;;) {
    while (bytes.startsWith('\r\n', at)) at += 2;
    if (at === bytes.length) return { requests, rest: 'nothing' };
    const read = readOne(bytes, at);
    if (read === INCOMPLETE) return { requests, rest: 'incomplete' };
    if (read === REFUSED) return { requests, rest: 'refused' };
    requests.push(read.request);
    at = read.end;
    if (read.last) return { requests, rest: 'close' };
  }
}

interface ReadOne {
  readonly request: SentRequest;
  readonly end: number;
  readonly last: boolean;
}

function readOne(bytes: string, start: number): ReadOne | typeof REFUSED | typeof INCOMPLETE {
  const headEnd = bytes.indexOf('\r\n\r\n', start);
  if (headEnd < 0) return INCOMPLETE;
  const [line = '', ...lines] = bytes.slice(start, headEnd).split('\r\n');
  const parts = REQUEST_LINE.exec(line);
  const fields = readFields(lines);
  if (parts === null || fields === undefined) return REFUSED;
  const [, method = '', target = '', minor] = parts;
  const framing = readFraming(fields, minor === '1');
  if (framing === undefined || values(fields, 'host').length > 1) return REFUSED;
  if (minor === '1' && values(fields, 'host').length === 0) return REFUSED;
  const body = readBody(bytes, headEnd + 4, framing);
  if (typeof body === 'symbol') return body;
  const options = values(fields, 'connection')
    .join(',')
    .toLowerCase()
    .split(/[ \t]*,[ \t]*/);
  // Only this one may turn the connection into another protocol's; any other wish is no more than a field.
  const webSocket = /^websocket$/i.test(values(fields, 'upgrade').join());
  const upgrades = options.includes('upgrade') && webSocket && method === 'GET' && framing === 0;
  const closes = options.includes('close') || (minor === '0' && !options.includes('keep-alive'));
  return {
    request: { method, path: pathOf(target), body: body.text, handshake: upgrades },
    end: body.end,
    last: closes || upgrades || method === 'CONNECT',
  };
}

function pathOf(target: string): string | undefined {
  const absolute = /^https?:\/\/[^/?#]+(.*)$/i.exec(target);
  if (absolute === null) return normalisePath(target);
  const rest = absolute[1] ?? '';
  return normalisePath(rest.startsWith('/') ? rest : `/${rest}`);
}

type Fields = ReadonlyArray<readonly [name: string, value: string]>;

function readFields(lines: readonly string[]): Fields | undefined {
  const fields: [string, string][] = [];
  for (const line of lines) {
    const parts = FIELD.exec(line);
    if (parts === null) return undefined;
    fields.push([(parts[1] ?? '').toLowerCase(), (parts[2] ?? '').replace(/[ \t]+$/, '')]);
  }
  return fields;
}

function values(fields: Fields, name: string): string[] {
  return fields.filter(([each]) => each === name).map(([, value]) => value);
}

/** Length of the body; undefined when two readers could differ. */
function readFraming(fields: Fields, http11: boolean): number | 'chunked' | undefined {
  const codings = values(fields, 'transfer-encoding');
  const lengths = values(fields, 'content-length');
  if (codings.length > 0) {
    const good =
      http11 && lengths.length === 0 && codings.length === 1 && /^chunked$/i.test(codings[0] ?? '');
    return good ? 'chunked' : undefined;
  }
  if (lengths.length > 1 || !/^[0-9]{1,15}$/.test(lengths[0] ?? '0')) return undefined;
  return Number(lengths[0] ?? 0);
}

interface ReadBody {
  readonly text: string;
  readonly end: number;
}

function readBody(
  bytes: string,
  start: number,
  framing: number | 'chunked',
): ReadBody | typeof REFUSED | typeof INCOMPLETE {
  if (framing === 'chunked') return readChunks(bytes, start);
  const end = start + framing;
  return end > bytes.length ? INCOMPLETE : { text: bytes.slice(start, end), end };
}

function readChunks(bytes: string, start: number): ReadBody | typeof REFUSED | typeof INCOMPLETE {
  let at = start;
  let text = '';
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return INCOMPLETE;
    const size = CHUNK_LINE.exec(bytes.slice(at, lineEnd))?.[1];
    if (size === undefined || size.length > 12) return REFUSED;
    at = lineEnd + 2;
    const length = Number.parseInt(size, 16);
    if (length === 0) return readTrailers(bytes, at, text);
    if (at + length + 2 > bytes.length) return INCOMPLETE;
    text += bytes.slice(at, at + length);
    if (bytes.slice(at + length, at + length + 2) !== '\r\n') return REFUSED;
    at += length + 2;
  }
}

function readTrailers(
  bytes: string,
  start: number,
  text: string,
): ReadBody | typeof REFUSED | typeof INCOMPLETE {
  if (bytes.startsWith('\r\n', start)) return { text, end: start + 2 };
  const end = bytes.indexOf('\r\n\r\n', start);
  if (end < 0) return INCOMPLETE;
  const fields = readFields(bytes.slice(start, end).split('\r\n'));
  const forbidden = ['host', 'content-length', 'transfer-encoding'];
  if (fields === undefined || fields.some(([name]) => forbidden.includes(name))) return REFUSED;
  return { text, end: end + 4 };
}
