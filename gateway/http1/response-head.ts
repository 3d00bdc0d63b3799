import type { HeaderBlock } from '../http/stream.ts';
import {
  type BodyFraming,
  HeadError,
  type HeadRules,
  isChunked,
  keepsAlive,
  newHeadFacts,
  parseFields,
} from './head-fields.ts';

/** A response's head, checked. */
export interface ResponseHead {
  readonly block: HeaderBlock;
  readonly status: number;
  readonly framing: BodyFraming;
  readonly contentLength: number;
  readonly keepAlive: boolean;
}

/** What was asked decides how the answer is delimited. */
export interface RequestForm {
  readonly isHead: boolean;
  readonly isConnect: boolean;
  readonly upgrade: boolean;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5][0-9][0-9])(?: [\t\x20-\x7e\x80-\xff]*)?$/;

/**
 * Parses a response's head (RFC 9112 section 4): `buffer[start, end)` ends with the line break before the empty line.
 * @throws HeadError for anything outside the grammar.
 */
export function parseResponseHead(
  buffer: Buffer,
  start: number,
  end: number,
  request: RequestForm,
  rules: HeadRules,
): ResponseHead {
  const lineEnd = buffer.indexOf('\r\n', start, 'latin1');
  const match = STATUS_LINE.exec(buffer.toString('latin1', start, lineEnd));
  const text = match?.[2];
  if (text === undefined) throw new HeadError('status-line');
  const isHttp10 = match?.[1] === '0';
  const status = Number(text);
  const block: HeaderBlock = [':status', text];
  const facts = newHeadFacts();
  parseFields(buffer, lineEnd + 2, end, rules, block, facts);
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
  };
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
