import { VALUE_BYTE } from '../http/field-characters.ts';
import type { HeaderBlock } from '../http/stream.ts';
import {
  type BodyFraming,
  type HeadBytes,
  HeadError,
  type HeadRules,
  isChunked,
  keepsAlive,
  minorVersion,
  newHeadFacts,
  parseFields,
  VERSION_BYTES,
} from './head-fields.ts';

/** A response's head, checked. */
export interface ResponseHead {
  readonly block: HeaderBlock;
  readonly status: number;
  readonly framing: BodyFraming;
  readonly contentLength: number;
  readonly keepAlive: boolean;
  /** Fields that end here, in the trailers too. */
  readonly connectionOptions: readonly string[] | undefined;
}

/** What was asked decides how the answer is delimited. */
export interface RequestForm {
  readonly isHead: boolean;
  readonly isConnect: boolean;
  readonly upgrade: boolean;
}

const ZERO = 0x30;
const SPACE = 0x20;
const CR = 0x0d;
const LF = 0x0a;
const STATUS_BYTES = 12;

/**
 * Parses a response's head (RFC 9112 section 4).
 * @throws HeadError for anything outside the grammar.
 */
export function parseResponseHead(head: HeadBytes, request: RequestForm, rules: HeadRules): ResponseHead {
  const lineEnd = endOfStatusLine(head);
  const isHttp10 = head.buffer[head.start + 7] === ZERO;
  const status = statusOf(head);
  const block: HeaderBlock = [
    ':status',
    status === 200 ? '200' : head.slice(head.start + 9, head.start + STATUS_BYTES),
  ];
  const facts = newHeadFacts();
  parseFields(head, lineEnd, rules, block, facts);
  if (status === 101) {
    if (!request.upgrade) throw new HeadError('upgrade-unasked');
    if (facts.upgrade !== undefined) block.push('upgrade', facts.upgrade);
  }
  if (status < 200 || status === 204) dropLength(block);
  const framing = responseFraming(status, isChunked(facts, isHttp10), facts.contentLength, request);
  return {
    block,
    status,
    framing,
    contentLength: facts.contentLength,
    keepAlive: framing !== 'until-close' && keepsAlive(facts, isHttp10),
    connectionOptions: facts.connectionOptions,
  };
}

/** Checks the status line; returns where the first field begins. The reason phrase may be missing with its space. */
function endOfStatusLine({ buffer, start }: HeadBytes): number {
  let at = start + STATUS_BYTES;
  if (minorVersion(buffer, start) < 0 || buffer[start + VERSION_BYTES] !== SPACE) {
    throw new HeadError('status-line');
  }
  if (buffer[at] === SPACE) {
    while (VALUE_BYTE[buffer[at] as number] === 1) at++;
  }
  if (buffer[at] !== CR || buffer[at + 1] !== LF) throw new HeadError('status-line');
  return at + 2;
}

/** 100 to 599, three digits. */
function statusOf({ buffer, start }: HeadBytes): number {
  const hundreds = (buffer[start + 9] as number) - ZERO;
  const tens = (buffer[start + 10] as number) - ZERO;
  const ones = (buffer[start + 11] as number) - ZERO;
  if (!(hundreds >= 1 && hundreds <= 5 && isDigit(tens) && isDigit(ones))) throw new HeadError('status-line');
  return hundreds * 100 + tens * 10 + ones;
}

function isDigit(value: number): boolean {
  return value >= 0 && value <= 9;
}

/** Such a response has no body and must not say how long it is (RFC 9110 section 8.6). */
function dropLength(block: HeaderBlock): void {
  for (let at = 2; at < block.length; at += 2) {
    if (block[at] !== 'content-length') continue;
    block.splice(at, 2);
    return;
  }
}

/** RFC 9112 section 6.3. */
function responseFraming(
  status: number,
  chunked: boolean,
  contentLength: number,
  request: RequestForm,
): BodyFraming {
  if (status === 101 || (request.isConnect && status >= 200 && status < 300)) return 'opaque';
  if (request.isHead || status < 200 || status === 204 || status === 304) return 'none';
  if (chunked) return 'chunked';
  if (contentLength >= 0) return contentLength === 0 ? 'none' : 'length';
  return 'until-close';
}
