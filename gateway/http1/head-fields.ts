import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { SharedStrings } from '../hpack/shared-strings.ts';
import { hasOnly, TOKEN_BYTE, VALUE_BYTE } from '../http/field-characters.ts';
import type { FieldNames } from '../http/field-names.ts';
import { parseContentLength } from '../http/message-rules.ts';
import type { HeaderBlock } from '../http/stream.ts';

const COLON = 0x3a;
const SPACE = 0x20;
const TAB = 0x09;
const CR = 0x0d;
const LF = 0x0a;
const LINE_BREAK_BYTES = 2;

/** What the fields of a head said about the message and the connection; those fields are not in the block. */
export interface HeadFacts {
  host: string | undefined;
  /** -1 without one. */
  contentLength: number;
  /** `Transfer-Encoding`, lower case; undefined without one. */
  transferEncoding: string | undefined;
  /** `Connection` had this option. */
  close: boolean;
  keepAlive: boolean;
  /** Its other options, lower case; undefined without any, as it is nearly always. */
  connectionOptions: string[] | undefined;
  upgrade: string | undefined;
  /** `TE` lists `trailers`. */
  takesTrailers: boolean;
}

export function newHeadFacts(): HeadFacts {
  return {
    host: undefined,
    contentLength: -1,
    transferEncoding: undefined,
    close: false,
    keepAlive: false,
    connectionOptions: undefined,
    upgrade: undefined,
    takesTrailers: false,
  };
}

/** A message that is refused: `status` for a request, `reason` for the metric (a few fixed words). */
export class HeadError extends Error {
  override readonly name = 'HeadError';
  readonly status: number;
  readonly reason: RejectionReason;

  constructor(reason: RejectionReason, status = 400) {
    super(reason);
    this.reason = reason;
    this.status = status;
  }
}

/** What the parsing of a head needs beside its bytes. */
export interface HeadRules {
  readonly maxFields: number;
  readonly names: FieldNames;
  readonly strings: SharedStrings;
  readonly memory: HeadMemory;
}

/** What one head leaves for the next of its connection. */
export interface HeadMemory {
  /** The authority that was checked last: most often the next one is the same. */
  goodAuthority: string | undefined;
  /** The path of the request before, which was checked. */
  goodPath: string;
}

/** A message's head, or its trailers, as they came in. */
export class HeadBytes {
  readonly buffer: Buffer;
  /** Where its first line begins. */
  readonly start: number;
  /** Where the empty line begins that ends it. */
  readonly end: number;
  #slices = 0;
  #text = '';

  constructor(buffer: Buffer, start: number, end: number) {
    this.buffer = buffer;
    this.start = start;
    this.end = end;
  }

  /** A piece of it. The first is read alone: most heads need no other. For more, all is read once and cut. */
  slice(from: number, to: number): string {
    if (this.#slices++ === 0) return this.buffer.toString('latin1', from, to);
    if (this.#text === '') this.#text = this.buffer.toString('latin1', this.start, this.end);
    return this.#text.slice(from - this.start, to - this.start);
  }
}

/**
 * Parses field lines (RFC 9112 section 5) from `from` on into `block`, names in lower case, and takes the fields about
 * connection and framing out into `facts`.
 * @throws HeadError for anything that is not exactly in the grammar: a line without a colon, space before it, a folded
 * line, a bare CR or LF, a control character, a field twice that may come once, a connection option that is no token.
 */
export function parseFields(
  head: HeadBytes,
  from: number,
  rules: HeadRules,
  block: HeaderBlock,
  facts: HeadFacts,
): void {
  const { buffer, end } = head;
  let at = from;
  for (let count = 0; at < end; count++) {
    if (count === rules.maxFields) throw new HeadError('headers-too-large', 431);
    const nameStart = at;
    while (TOKEN_BYTE[buffer[at] as number] === 1) at++;
    if (at === nameStart || buffer[at] !== COLON) throw nameError(buffer, nameStart, at);
    const field = rules.names.of(buffer, nameStart, at++);
    while (isSpace(buffer[at])) at++;
    const again = field.again(buffer, at);
    if (again !== undefined) {
      at += again.length + LINE_BREAK_BYTES;
      takeField(field.name, again, block, facts);
      continue;
    }
    const valueStart = at;
    at = endOfValue(buffer, at);
    let valueEnd = at;
    while (valueEnd > valueStart && isSpace(buffer[valueEnd - 1])) valueEnd--;
    at += LINE_BREAK_BYTES;
    const value = head.slice(valueStart, valueEnd);
    takeField(field.name, value, block, facts);
    field.remember(value);
  }
  if (facts.connectionOptions !== undefined) dropNominated(block, facts.connectionOptions);
}

/** @throws HeadError when it does not end with a line break. */
function endOfValue(buffer: Buffer, start: number): number {
  let at = start;
  while (VALUE_BYTE[buffer[at] as number] === 1) at++;
  if (buffer[at] !== CR || buffer[at + 1] !== LF) throw new HeadError('field-value');
  return at;
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

function nameError(buffer: Buffer, start: number, at: number): HeadError {
  if (at === start && isSpace(buffer[at])) return new HeadError('folded-line');
  return new HeadError(isSpace(buffer[at]) ? 'space-before-colon' : 'field-name');
}

function takeField(name: string, value: string, block: HeaderBlock, facts: HeadFacts): void {
  switch (name) {
    case 'host':
      if (facts.host !== undefined) throw new HeadError('host-twice');
      facts.host = value;
      return;
    case 'content-length':
      takeContentLength(value, facts);
      block.push(name, value);
      return;
    case 'transfer-encoding':
      if (facts.transferEncoding !== undefined) throw new HeadError('transfer-encoding-twice');
      facts.transferEncoding = value.toLowerCase();
      return;
    case 'connection':
      takeConnection(value, facts);
      return;
    case 'upgrade':
      facts.upgrade = facts.upgrade === undefined ? value : `${facts.upgrade}, ${value}`;
      return;
    case 'te':
      // The rest is between the client and us (RFC 9110 section 10.1.4).
      facts.takesTrailers ||= TRAILERS_CODING.test(value);
      return;
    case 'keep-alive':
    case 'proxy-connection':
    case 'http2-settings':
      return;
    default:
      block.push(name, value);
  }
}

const TRAILERS_CODING = /(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i;

/** Twice, even with the same value, is refused: hops differ in which one they take. */
function takeContentLength(value: string, facts: HeadFacts): void {
  if (facts.contentLength >= 0) throw new HeadError('content-length-twice');
  facts.contentLength = parseContentLength(value);
  if (facts.contentLength < 0) throw new HeadError('content-length-invalid');
}

/** In one field, and in all: each is looked for in all fields, and kept as long as the message lasts. */
const MAX_CONNECTION_OPTIONS = 100;

/** Only tokens (RFC 9110 section 7.6.1): so none names a pseudo-header of the block. Empty ones say nothing. */
function takeConnection(value: string, facts: HeadFacts): void {
  if (takeOwnOption(value, facts)) return;
  const parts = value.toLowerCase().split(',', MAX_CONNECTION_OPTIONS + 1);
  if (parts.length > MAX_CONNECTION_OPTIONS) throw new HeadError('connection-field');
  for (const part of parts) {
    const option = part.trim();
    if (option === '' || takeOwnOption(option, facts)) continue;
    if (!hasOnly(option, TOKEN_BYTE)) throw new HeadError('connection-field');
    facts.connectionOptions ??= [];
    if (facts.connectionOptions.length === MAX_CONNECTION_OPTIONS) throw new HeadError('connection-field');
    facts.connectionOptions.push(option);
  }
}

/** False for an option that is not about the connection's end. */
function takeOwnOption(option: string, facts: HeadFacts): boolean {
  if (option === 'keep-alive') facts.keepAlive = true;
  else if (option === 'close') facts.close = true;
  else return false;
  return true;
}

/** Options that name a field which is dropped or kept by rules of its own. */
const OWN_FIELDS: ReadonlySet<string> = new Set(['upgrade', 'te', 'host', 'content-length']);

/** RFC 9110 section 7.6.1: what `Connection` names ends here, of the head and of the trailers. */
export function dropNominated(block: HeaderBlock, options: readonly string[]): void {
  for (const option of options) {
    if (OWN_FIELDS.has(option)) continue;
    for (let at = block.length - 2; at >= 0; at -= 2) {
      if (block[at] === option) block.splice(at, 2);
    }
  }
}

const VERSION_PREFIX = Buffer.from('HTTP/1.', 'latin1');
export const VERSION_BYTES = 8;
const ZERO = 0x30;

/** Of `HTTP/1.0` or `HTTP/1.1` at `at`; -1 for anything else. */
export function minorVersion(buffer: Buffer, at: number): number {
  for (let index = 0; index < VERSION_PREFIX.length; index++) {
    if (buffer[at + index] !== VERSION_PREFIX[index]) return -1;
  }
  const minor = (buffer[at + VERSION_PREFIX.length] as number) - ZERO;
  return minor === 0 || minor === 1 ? minor : -1;
}

/** How the body of a message is delimited (RFC 9112 section 6.3). */
export type BodyFraming = 'none' | 'length' | 'chunked' | 'until-close' | 'opaque';

/**
 * Whether a body is chunked.
 * @throws HeadError for any other transfer coding, in HTTP/1.0, or together with Content-Length.
 */
export function isChunked(facts: HeadFacts, isHttp10: boolean): boolean {
  const coding = facts.transferEncoding;
  if (coding === undefined) return false;
  if (isHttp10) throw new HeadError('transfer-encoding-in-1.0');
  if (facts.contentLength >= 0) throw new HeadError('content-length-with-transfer-encoding');
  if (coding === 'chunked') return true;
  if (/,[ \t]*chunked$/.test(coding)) throw new HeadError('transfer-encoding-unsupported', 501);
  throw new HeadError('transfer-encoding-invalid');
}

/** Whether the connection may be used again after the message (RFC 9112 section 9.3). */
export function keepsAlive(facts: HeadFacts, isHttp10: boolean): boolean {
  return !facts.close && (!isHttp10 || facts.keepAlive);
}
