import type { HeaderBlock } from '../http/stream.ts';
import { STATUS_CODES } from './status-codes.ts';

/** A header block as HTTP/1 text: latin1, so its length in characters is its length in bytes. */

const STATUS_LINES: ReadonlyMap<string, string> = new Map(
  STATUS_CODES.map(([code, phrase]) => [code, `HTTP/1.1 ${code} ${phrase}\r\n`]),
);

const COLON = 0x3a;

/** Status line and fields, without the empty line. A field that is about the framing is written by its owner. */
export function responseText(block: HeaderBlock, keepLength: boolean): string {
  const status = block[1] as string;
  let text = STATUS_LINES.get(status) ?? `HTTP/1.1 ${status} \r\n`;
  for (let at = 2; at < block.length; at += 2) {
    const name = block[at] as string;
    if (name === 'content-length' && !keepLength) continue;
    text += `${name}: ${block[at + 1]}\r\n`;
  }
  return text;
}

/** Request line, Host and fields, without the empty line. */
export function requestText(block: HeaderBlock): string {
  let method = '';
  let authority = '';
  let path = '';
  let cookies = '';
  let fields = '';
  for (let at = 0; at < block.length; at += 2) {
    const name = block[at] as string;
    const value = block[at + 1] as string;
    if (name.charCodeAt(0) === COLON) {
      if (name === ':method') method = value;
      else if (name === ':authority') authority = value;
      else if (name === ':path') path = value;
    } else if (name === 'cookie') {
      // HTTP/2 may split it (RFC 9113 section 8.2.3), HTTP/1 must have one.
      cookies = cookies === '' ? value : `${cookies}; ${value}`;
    } else fields += `${name}: ${value}\r\n`;
  }
  if (cookies !== '') fields += `cookie: ${cookies}\r\n`;
  const target = method === 'CONNECT' ? authority : path;
  return `${method} ${target} HTTP/1.1\r\nhost: ${authority}\r\n${fields}`;
}

/** Field lines of a trailer section. */
export function trailerText(block: HeaderBlock): string {
  let text = '';
  for (let at = 0; at < block.length; at += 2) text += `${block[at]}: ${block[at + 1]}\r\n`;
  return text;
}

/** Value of the first field of that name. */
export function fieldValue(block: HeaderBlock, name: string): string | undefined {
  for (let at = 0; at < block.length; at += 2) {
    if (block[at] === name) return block[at + 1];
  }
  return undefined;
}
