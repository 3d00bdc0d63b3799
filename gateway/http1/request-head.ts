import { TARGET_BYTE, TOKEN_BYTE } from '../http/field-characters.ts';
import { isAuthority, isPath } from '../http/message-rules.ts';
import type { HeaderBlock } from '../http/stream.ts';
import { acceptedUpgrade, takeWebSocketKey } from '../http/websocket.ts';
import {
  type BodyFraming,
  type HeadBytes,
  HeadError,
  type HeadFacts,
  type HeadMemory,
  type HeadRules,
  isChunked,
  keepsAlive,
  minorVersion,
  newHeadFacts,
  parseFields,
  VERSION_BYTES,
} from './head-fields.ts';

/** A request's head, checked. */
export interface RequestHead {
  readonly block: HeaderBlock;
  readonly framing: BodyFraming;
  readonly contentLength: number;
  readonly isHttp10: boolean;
  readonly isHead: boolean;
  readonly isConnect: boolean;
  /** The client may send another request after this one. */
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
  /** Fields that end here, in the trailers too. */
  readonly connectionOptions: readonly string[] | undefined;
  /** Of a WebSocket handshake: answered by this hop. */
  readonly webSocketKey: string | undefined;
}

/**
 * Parses a request's head (RFC 9112 section 3).
 * @throws HeadError with the status to answer.
 */
export function parseRequestHead(head: HeadBytes, scheme: string, rules: HeadRules): RequestHead {
  const line = parseRequestLine(head, rules.memory);
  const { method, isHttp10 } = line;
  const block: HeaderBlock = [];
  const facts = newHeadFacts();
  startBlock(block, method, scheme);
  parseFields(head, line.end, rules, block, facts);
  placeTarget(block, line, facts, rules);
  const chunked = isChunked(facts, isHttp10);
  const protocol = requestedUpgrade(method, facts, isHttp10);
  if (protocol !== undefined) block.push('upgrade', protocol);
  if (facts.takesTrailers) block.push('te', 'trailers');
  return {
    block,
    framing: chunked ? 'chunked' : facts.contentLength > 0 ? 'length' : 'none',
    contentLength: facts.contentLength,
    isHttp10,
    isHead: method === 'HEAD',
    isConnect: method === 'CONNECT',
    keepAlive: keepsAlive(facts, isHttp10),
    upgrade: protocol !== undefined,
    connectionOptions: facts.connectionOptions,
    webSocketKey: protocol === undefined ? undefined : takeWebSocketKey(block),
  };
}

interface RequestLine {
  readonly method: string;
  readonly target: string;
  readonly isHttp10: boolean;
  /** Where the first field begins. */
  readonly end: number;
}

/** Method, target and version with exactly one space between (RFC 9112 section 3). */
function parseRequestLine(head: HeadBytes, { goodPath }: HeadMemory): RequestLine {
  const { buffer, start, end } = head;
  let at = start;
  while (TOKEN_BYTE[buffer[at] as number] === 1) at++;
  const methodEnd = at;
  if (at === start || buffer[at++] !== SPACE) throw new HeadError('request-line');
  const targetStart = at;
  const samePath = isFollowed(buffer, at, goodPath);
  if (samePath) at += goodPath.length;
  else while (TARGET_BYTE[buffer[at] as number] === 1) at++;
  if (buffer[at] !== SPACE)
    throw new HeadError(at < end && buffer[at] !== CR ? 'request-target' : 'request-line');
  if (at === targetStart) throw new HeadError('request-line');
  const targetEnd = at++;
  const lineEnd = at + VERSION_BYTES;
  const minor = minorVersion(buffer, at);
  if (minor < 0) throw versionError(head.slice(at, lineEnd));
  if (buffer[lineEnd] !== CR || buffer[lineEnd + 1] !== LF) throw new HeadError('request-line');
  return {
    target: samePath ? goodPath : head.slice(targetStart, targetEnd),
    method: methodOf(head, methodEnd),
    isHttp10: minor === 0,
    end: lineEnd + 2,
  };
}

/** Whether `buffer` has `text`, which is not empty, from `at` on, and then a space. */
function isFollowed(buffer: Buffer, at: number, text: string): boolean {
  if (text === '' || buffer[at + text.length] !== SPACE) return false;
  for (let index = 0; index < text.length; index++) {
    if (buffer[at + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}

/** Those that nearly all requests have are the same string objects each time. */
function methodOf(head: HeadBytes, end: number): string {
  const { buffer, start } = head;
  if (end - start === 3 && isAt(buffer, start, GET)) return 'GET';
  if (end - start === 4 && isAt(buffer, start, POST)) return 'POST';
  return head.slice(start, end);
}

const GET = Buffer.from('GET', 'latin1');
const POST = Buffer.from('POST', 'latin1');
const SPACE = 0x20;
const CR = 0x0d;
const LF = 0x0a;

function isAt(buffer: Buffer, at: number, bytes: Buffer): boolean {
  for (let index = 0; index < bytes.length; index++) {
    if (buffer[at + index] !== bytes[index]) return false;
  }
  return true;
}

function versionError(text: string): HeadError {
  return /^HTTP\/[0-9]\.[0-9]$/.test(text)
    ? new HeadError('version-unsupported', 505)
    : new HeadError('request-line');
}

/** Places for the authority and path, which are known after the fields. */
function startBlock(block: HeaderBlock, method: string, scheme: string): void {
  if (method === 'CONNECT') block.push(':method', method, ':authority', '');
  else block.push(':method', method, ':scheme', scheme, ':authority', '', ':path', '');
}

function placeTarget(block: HeaderBlock, line: RequestLine, facts: HeadFacts, rules: HeadRules): void {
  const { method, target, isHttp10 } = line;
  const host = checkedHost(facts.host, rules);
  if (host === undefined && !isHttp10) throw new HeadError('host-missing');
  if (method === 'CONNECT') {
    if (!/:[0-9]+$/.test(target) || !isAuthority(target)) throw new HeadError('request-target');
    block[3] = sameAuthority(target, host);
    return;
  }
  if (target === rules.memory.goodPath) {
    block[5] = host ?? '';
    block[7] = target;
    return;
  }
  const absolute = target.startsWith('/') ? undefined : splitAbsolute(target);
  const path = absolute?.path ?? target;
  if (!isPath(path, method)) throw new HeadError('request-target');
  block[5] = absolute === undefined ? (host ?? '') : sameAuthority(absolute.authority, host);
  block[7] = path;
  if (target.startsWith('/')) rules.memory.goodPath = target.length > MAX_KNOWN_PATH ? '' : target;
}

/** An idle connection keeps the path of its last request up to here, and as much of a host. */
const MAX_KNOWN_PATH = 128;
const MAX_KNOWN_AUTHORITY = 256;

/** The same string object for the same host: maps and the HPACK encoder find it at once. */
function checkedHost(host: string | undefined, { memory, strings }: HeadRules): string | undefined {
  if (host === undefined) return undefined;
  if (host === memory.goodAuthority) return memory.goodAuthority;
  if (!isAuthority(host)) throw new HeadError('host-invalid');
  const authority = strings.of(host);
  memory.goodAuthority = host.length > MAX_KNOWN_AUTHORITY ? undefined : authority;
  return authority;
}

/** Both say where the request goes: if they differ, some hop would follow the other one. */
function sameAuthority(target: string, host: string | undefined): string {
  if (host !== undefined && host.toLowerCase() !== target.toLowerCase()) {
    throw new HeadError('authority-host-mismatch');
  }
  return target;
}

/** Absolute form (RFC 9112 section 3.2.2); undefined for `*`. */
function splitAbsolute(target: string): { readonly authority: string; readonly path: string } | undefined {
  if (target === '*') return undefined;
  const match = /^https?:\/\/([^/?#]+)([/?].*)?$/i.exec(target);
  const authority = match?.[1];
  if (authority === undefined || !isAuthority(authority)) throw new HeadError('request-target');
  const rest = match?.[2] ?? '/';
  return { authority, path: rest.startsWith('?') ? `/${rest}` : rest };
}

/**
 * What a request asks to switch to (RFC 9110 section 7.8): one protocol, with GET and no body, and only when
 * `Connection` says so, too. Any other wish is ignored, as the standard allows.
 */
function requestedUpgrade(method: string, facts: HeadFacts, isHttp10: boolean): string | undefined {
  const { upgrade } = facts;
  if (upgrade === undefined || isHttp10 || method !== 'GET') return undefined;
  if (facts.connectionOptions?.includes('upgrade') !== true) return undefined;
  if (facts.contentLength > 0 || facts.transferEncoding !== undefined) return undefined;
  return acceptedUpgrade(upgrade);
}
