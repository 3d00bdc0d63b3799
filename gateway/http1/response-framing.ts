import { parseContentLength } from '../http/message-rules.ts';
import type { HeaderBlock } from '../http/stream.ts';
import type { BodyFraming } from './head-fields.ts';
import { fieldValue } from './head-writer.ts';
import type { RequestHead } from './request-head.ts';

/** Whether the answer turns the connection into an opaque one. */
export function isTunnel(head: RequestHead, status: string): boolean {
  return status === '101' ? head.upgrade : head.isConnect && status.startsWith('2');
}

/** Of a response about to be written; -1 when it does not say. */
export function declaredLength(block: HeaderBlock): number {
  const value = fieldValue(block, 'content-length');
  return value === undefined ? -1 : parseContentLength(value);
}

/** RFC 9112 section 6.1: what delimits the response; its length as declared, -1 = not. */
export function responseFraming(
  head: RequestHead,
  status: string,
  contentLength: number,
  endStream: boolean,
): BodyFraming {
  if (head.isHead || status === '204' || status === '304') return 'none';
  if (contentLength >= 0 || endStream) return 'length';
  return head.isHttp10 ? 'until-close' : 'chunked';
}
