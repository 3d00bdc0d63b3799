import type { HashSource } from '../../federation/model/traffic-policy.ts';
import type { HeaderBlock } from '../http/stream.ts';
import { hashOfKey } from '../routing/balancing/hash-table.ts';
import type { PipelineEnvironment, PipelineRequest } from './request.ts';

const SPACE = 0x20;
const QUOTE = 0x22;
const EQUALS = 0x3d;
const BRACKET = 0x5b;
const MAPPED = '[::ffff:';
const FORM = /^[0-9a-f]{8}$/;

type Hashed = Pick<PipelineRequest, 'block' | 'context' | 'newCookie'>;

/**
 * The hash of what a policy tells requests apart by; undefined where this one has nothing of the kind. A client that
 * lacks the cookie may be given one, which its response will carry.
 */
export function hashOfRequest(
  request: Hashed,
  source: HashSource,
  random: PipelineEnvironment['random'],
): number | undefined {
  const fromClient = request.context.origin !== 'trunk';
  switch (source.kind) {
    case 'header':
      return hashOfHeader(request.block, source.name);
    case 'source-address':
      // At the other end of a trunk is a gateway, and never the client.
      return fromClient ? hashOfAddress(request.context.remoteAddress) : undefined;
    case 'cookie': {
      const known = hashOfCookie(request.block, source.name);
      if (known !== undefined || source.ttlMs === undefined || !fromClient) return known;
      const value = randomValue(random);
      request.newCookie = cookieOf(source.name, value, source.path, source.ttlMs);
      return hashOfKey(value);
    }
  }
}

/** As the field `isthmus-hash` has it. */
export function hashText(hash: number): string {
  return hash.toString(16).padStart(8, '0');
}

/** undefined for what is no hash. */
export function parseHash(text: string): number | undefined {
  return FORM.test(text) ? Number.parseInt(text, 16) : undefined;
}

/** Of the first field of this name; one without a value says nothing. */
function hashOfHeader(block: HeaderBlock, name: string): number | undefined {
  for (let i = 0; i < block.length; i += 2) {
    if (block[i] !== name) continue;
    const value = block[i + 1] as string;
    return value === '' ? undefined : hashOfKey(value);
  }
  return undefined;
}

/** Over HTTP/2 cookies may come in several fields (RFC 9113 section 8.2.3). */
function hashOfCookie(block: HeaderBlock, name: string): number | undefined {
  for (let i = 0; i < block.length; i += 2) {
    if (block[i] !== 'cookie') continue;
    const hash = hashInCookies(block[i + 1] as string, name);
    if (hash !== undefined) return hash;
  }
  return undefined;
}

/** In `name=value; name="value"` (RFC 6265 section 4.2.1); quotes are not of the value. */
function hashInCookies(text: string, name: string): number | undefined {
  let at = 0;
  while (at < text.length) {
    const semicolon = text.indexOf(';', at);
    let end = semicolon < 0 ? text.length : semicolon;
    const next = end + 1;
    while (text.charCodeAt(at) === SPACE) at++;
    if (text.startsWith(name, at) && text.charCodeAt(at + name.length) === EQUALS) {
      let start = at + name.length + 1;
      while (end > start && text.charCodeAt(end - 1) === SPACE) end--;
      if (end - start >= 2 && text.charCodeAt(start) === QUOTE && text.charCodeAt(end - 1) === QUOTE) {
        start++;
        end--;
      }
      return start === end ? undefined : hashOfKey(text, start, end);
    }
    at = next;
  }
  return undefined;
}

/** Of `host:port`, the host alone: `10.0.0.1`, or an IPv6 address; an IPv4 address that is mapped into one is itself. */
function hashOfAddress(remoteAddress: string): number {
  const colon = remoteAddress.lastIndexOf(':');
  if (remoteAddress.charCodeAt(0) !== BRACKET) return hashOfKey(remoteAddress, 0, colon);
  const start = remoteAddress.startsWith(MAPPED) ? MAPPED.length : 1;
  return hashOfKey(remoteAddress, start, colon - 1);
}

function randomValue(random: PipelineEnvironment['random']): string {
  const half = (): string => hashText(Math.floor(random() * 2 ** 32));
  return half() + half();
}

function cookieOf(name: string, value: string, path: string, ttlMs: number): string {
  const age = ttlMs === 0 ? '' : `; Max-Age=${Math.ceil(ttlMs / 1000)}`;
  return `${name}=${value}${age}; Path=${path}; HttpOnly`;
}
