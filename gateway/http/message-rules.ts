import type { RejectionReason } from '../../federation/model/rejections.ts';
import { hasOnly, TARGET_BYTE, TOKEN_BYTE } from './field-characters.ts';
import type { HeaderBlock } from './stream.ts';

/** What a checked message says about itself. Reused from one message of a connection to the next. */
export interface MessageFacts {
  /** Value of `content-length`, -1 without one. */
  contentLength: number;
  /** Of a request; `''` = absent. */
  method: string;
  scheme: string | undefined;
  authority: string | undefined;
  path: string | undefined;
  /** Of an extended CONNECT (RFC 8441). */
  protocol: string | undefined;
  /** Of a response. */
  status: number;
  /** The authority that was checked last: most often the next one is the same. */
  goodAuthority: string | undefined;
}

export function newMessageFacts(): MessageFacts {
  return {
    contentLength: -1,
    method: '',
    scheme: undefined,
    authority: undefined,
    path: undefined,
    protocol: undefined,
    status: 0,
    goodAuthority: undefined,
  };
}

/** What is wrong with a message. `malformed` = stream error PROTOCOL_ERROR, `bad-request` = answered with 400. */
export interface MessageFlaw {
  readonly kind: 'malformed' | 'bad-request';
  /** For the metric; a few fixed words. */
  readonly reason: RejectionReason;
}

function malformed(reason: RejectionReason): MessageFlaw {
  return { kind: 'malformed', reason };
}

function badRequest(reason: RejectionReason): MessageFlaw {
  return { kind: 'bad-request', reason };
}

const LATE_PSEUDO = malformed('pseudo-header-late');
const UNKNOWN_PSEUDO = malformed('pseudo-header-unknown');
const DOUBLE_PSEUDO = malformed('pseudo-header-twice');
const MISSING_PSEUDO = malformed('pseudo-header-missing');
const TRAILER_PSEUDO = malformed('pseudo-header-in-trailers');
const CONNECTION_FIELD = malformed('connection-field');
const WRONG_TE = malformed('te-field');
const WRONG_TRAILER = malformed('trailers-invalid');
const WRONG_LENGTH = malformed('content-length-invalid');
const WRONG_METHOD = malformed('method-invalid');
const WRONG_PATH = malformed('path-invalid');
const WRONG_AUTHORITY = malformed('authority-invalid');
const WRONG_CONNECT = malformed('connect-invalid');
const WRONG_STATUS = malformed('status-invalid');
const WRONG_SCHEME = badRequest('scheme-unsupported');
const HOST_MISMATCH = badRequest('authority-host-mismatch');

const COLON = 0x3a;
const SLASH = 0x2f;
const MAX_LENGTH_DIGITS = 15;

/** Which of the fields that a codec must look at a name is. */
export type FieldRole = 'plain' | 'connection' | 'te' | 'host' | 'content-length';

/** By length first: hardly any other name then needs a comparison. */
export function fieldRole(name: string): FieldRole {
  switch (name.length) {
    case 2:
      return name === 'te' ? 'te' : 'plain';
    case 4:
      return name === 'host' ? 'host' : 'plain';
    case 7:
      return name === 'upgrade' ? 'connection' : 'plain';
    case 10:
      return name === 'connection' || name === 'keep-alive' ? 'connection' : 'plain';
    case 14:
      return name === 'content-length' ? 'content-length' : 'plain';
    case 16:
      return name === 'proxy-connection' ? 'connection' : 'plain';
    case 17:
      return name === 'transfer-encoding' ? 'connection' : 'plain';
    default:
      return 'plain';
  }
}

/** Value of a `content-length` field, or -1 when it is not one. */
export function parseContentLength(value: string): number {
  if (value.length === 0 || value.length > MAX_LENGTH_DIGITS) return -1;
  let length = 0;
  for (let index = 0; index < value.length; index++) {
    const digit = value.charCodeAt(index) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}

/**
 * Checks an HTTP/2 request's block (RFC 9113 section 8) whose characters are checked already, and brings its
 * pseudo-headers into the order of `HeaderBlock`, with `host` as `:authority`. Undefined = good.
 */
export function checkRequest(block: HeaderBlock, facts: MessageFacts): MessageFlaw | undefined {
  facts.method = '';
  facts.scheme = undefined;
  facts.authority = undefined;
  facts.path = undefined;
  facts.protocol = undefined;
  let at = 0;
  for (; at < block.length && isPseudo(block[at] as string); at += 2) {
    const flaw = takePseudo(facts, block[at] as string, block[at + 1] as string);
    if (flaw !== undefined) return flaw;
  }
  return checkRequestFields(block, at, facts) ?? checkLine(facts) ?? arrange(block, at, facts);
}

function isPseudo(name: string): boolean {
  return name.charCodeAt(0) === COLON;
}

function takePseudo(facts: MessageFacts, name: string, value: string): MessageFlaw | undefined {
  switch (name) {
    case ':method':
      if (facts.method !== '') return DOUBLE_PSEUDO;
      if (value === '') return WRONG_METHOD;
      facts.method = value;
      return undefined;
    case ':scheme':
      if (facts.scheme !== undefined) return DOUBLE_PSEUDO;
      facts.scheme = value;
      return undefined;
    case ':authority':
      if (facts.authority !== undefined) return DOUBLE_PSEUDO;
      facts.authority = value;
      return undefined;
    case ':path':
      if (facts.path !== undefined) return DOUBLE_PSEUDO;
      facts.path = value;
      return undefined;
    case ':protocol':
      if (facts.protocol !== undefined) return DOUBLE_PSEUDO;
      facts.protocol = value;
      return undefined;
    default:
      return UNKNOWN_PSEUDO;
  }
}

function checkRequestFields(block: HeaderBlock, from: number, facts: MessageFacts): MessageFlaw | undefined {
  facts.contentLength = -1;
  for (let at = from; at < block.length; at += 2) {
    const name = block[at] as string;
    if (isPseudo(name)) return LATE_PSEUDO;
    const role = fieldRole(name);
    if (role === 'plain') continue;
    const value = block[at + 1] as string;
    if (role === 'host') {
      facts.authority ??= value;
      if (facts.authority.toLowerCase() !== value.toLowerCase()) return HOST_MISMATCH;
      block.splice(at, 2);
      at -= 2;
      continue;
    }
    const flaw = checkField(role, value, facts);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}

function checkField(role: FieldRole, value: string, facts: MessageFacts): MessageFlaw | undefined {
  if (role === 'connection') return CONNECTION_FIELD;
  if (role === 'te') return value === 'trailers' ? undefined : WRONG_TE;
  const length = parseContentLength(value);
  // Twice, even with the same value, is refused: nobody honest sends it, and hops differ in what they take.
  if (length < 0 || facts.contentLength >= 0) return WRONG_LENGTH;
  facts.contentLength = length;
  return undefined;
}

function checkLine(facts: MessageFacts): MessageFlaw | undefined {
  const { method, scheme, authority, path, protocol } = facts;
  if (method === '') return MISSING_PSEUDO;
  if (!hasOnly(method, TOKEN_BYTE)) return WRONG_METHOD;
  if (authority !== undefined && authority !== facts.goodAuthority) {
    if (!isAuthority(authority)) return WRONG_AUTHORITY;
    facts.goodAuthority = authority;
  }
  if (method === 'CONNECT' && protocol === undefined) {
    // RFC 9113 section 8.5.
    return authority === undefined || scheme !== undefined || path !== undefined ? WRONG_CONNECT : undefined;
  }
  // RFC 8441 section 4.
  if (protocol !== undefined && (method !== 'CONNECT' || authority === undefined)) return WRONG_CONNECT;
  if (scheme === undefined || path === undefined) return MISSING_PSEUDO;
  if (scheme !== 'http' && scheme !== 'https') return WRONG_SCHEME;
  return isPath(path, method) ? undefined : WRONG_PATH;
}

/** RFC 9110 section 4.2: a host and maybe a port; no user information. */
export function isAuthority(text: string): boolean {
  return AUTHORITY.test(text);
}

const AUTHORITY = /^(?:[a-zA-Z0-9._~!$&'()*+,;=%-]+|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?$/;

/** Origin form, or `*` for OPTIONS (RFC 9113 section 8.3.1); no fragment. */
export function isPath(path: string, method: string): boolean {
  if (path.charCodeAt(0) !== SLASH) return path === '*' && method === 'OPTIONS';
  return hasOnly(path, TARGET_BYTE) && !path.includes('#');
}

/** Writes the pseudo-headers back in their fixed order; what was `host` needs a place more. */
function arrange(block: HeaderBlock, end: number, facts: MessageFacts): undefined {
  let at = place(block, 0, ':method', facts.method);
  if (facts.scheme !== undefined) at = place(block, at, ':scheme', facts.scheme);
  if (facts.authority !== undefined) {
    const others = (facts.path === undefined ? 0 : 2) + (facts.protocol === undefined ? 0 : 2);
    if (at + 2 + others > end) block.splice(end, 0, '', '');
    at = place(block, at, ':authority', facts.authority);
  }
  if (facts.path !== undefined) at = place(block, at, ':path', facts.path);
  if (facts.protocol !== undefined) place(block, at, ':protocol', facts.protocol);
  return undefined;
}

function place(block: HeaderBlock, at: number, name: string, value: string): number {
  block[at] = name;
  block[at + 1] = value;
  return at + 2;
}

/** Checks an HTTP/2 response's block (RFC 9113 section 8.3.2). Undefined = good. */
export function checkResponse(block: HeaderBlock, facts: MessageFacts): MessageFlaw | undefined {
  if (block[0] !== ':status')
    return block.length > 0 && isPseudo(block[0] as string) ? UNKNOWN_PSEUDO : MISSING_PSEUDO;
  facts.status = parseStatus(block[1] as string);
  if (facts.status === 0) return WRONG_STATUS;
  facts.contentLength = -1;
  for (let at = 2; at < block.length; at += 2) {
    const name = block[at] as string;
    if (isPseudo(name)) return name === ':status' ? DOUBLE_PSEUDO : LATE_PSEUDO;
    const role = fieldRole(name);
    if (role === 'plain' || role === 'host') continue;
    // RFC 9113 section 8.2.2: only a request may have it.
    if (role === 'te') return WRONG_TE;
    const flaw = checkField(role, block[at + 1] as string, facts);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}

/** Three digits, 100 to 599 (101 belongs to HTTP/1 alone); else 0. */
function parseStatus(text: string): number {
  if (text.length !== 3) return 0;
  const status = parseContentLength(text);
  return status >= 100 && status <= 599 && status !== 101 ? status : 0;
}

/** Checks a trailer section: no pseudo-headers, no fields about the connection, the framing or the way. */
export function checkTrailers(block: HeaderBlock): MessageFlaw | undefined {
  for (let at = 0; at < block.length; at += 2) {
    const name = block[at] as string;
    if (isPseudo(name)) return TRAILER_PSEUDO;
    const role = fieldRole(name);
    if (role === 'connection') return CONNECTION_FIELD;
    if (role === 'te') return WRONG_TE;
    if (role === 'content-length') return WRONG_LENGTH;
    if (role === 'host') return WRONG_TRAILER;
  }
  return undefined;
}
