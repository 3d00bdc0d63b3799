import { randomUUID } from 'node:crypto';
import type { FailureCode } from '../../federation/model/errors.ts';
import type { HeaderBlock } from '../http/stream.ts';
import { shortenBlock } from './fields.ts';
import type { ForwardingConfig } from './forwarding-config.ts';
import type { PipelineEnvironment, PipelineRequest } from './request.ts';

const LETTER_F = 0x66;
const LETTER_R = 0x72;
const LETTER_X = 0x78;
const FOR = 'x-forwarded-for';
const PROTO = 'x-forwarded-proto';
const HOST = 'x-forwarded-host';
const PORT = 'x-forwarded-port';
const FAMILY = 'x-forwarded-';
const REAL_IP = 'x-real-ip';
/** A DNS name with a port. What is longer names no host, and would make a block that no trunk takes. */
const MAX_HOST_LENGTH = 260;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const OPEN_BRACKET = 0x5b;
const MAPPED_IPV4 = '::ffff:';

/**
 * Says on the request where it came from, as configured. What a client claims of earlier hops is settled where it
 * comes in; a trunk's peer has done that, so there only `Via` is added.
 */
export function provenance(
  request: PipelineRequest,
  environment: PipelineEnvironment,
): FailureCode | undefined {
  const { forwarding } = environment;
  // An opaque connection has no fields.
  if (request.route?.port.protocol === 'tcp') return undefined;
  if (request.context.origin === 'client') {
    const { forwarded, xForwarded } = forwarding;
    if (xForwarded !== 'keep' || forwarded !== 'keep') settleHops(request, forwarding);
    if (forwarding.requestId === 'generate' && request.requestId === undefined) giveRequestId(request);
  }
  if (forwarding.via) {
    const version = request.connectionProtocol === 'http1' ? '1.1' : '2.0';
    request.block.push('via', `${version} ${environment.local.trustDomain}`);
  }
  return undefined;
}

function giveRequestId(request: PipelineRequest): void {
  const id = randomUUID();
  request.requestId = id;
  request.block.push('x-request-id', id);
}

function settleHops(request: PipelineRequest, { forwarded, xForwarded }: ForwardingConfig): void {
  const { block } = request;
  const dropsForwarded = forwarded === 'replace' || forwarded === 'remove';
  if (xForwarded !== 'keep' || dropsForwarded) dropHops(block, xForwarded, dropsForwarded);
  const host = request.authority;
  const named = host === undefined || host.length > MAX_HOST_LENGTH ? '' : host;
  const proto = request.context.caller === undefined ? 'http' : 'https';
  const address = addressOf(request.context.remoteAddress);
  if (xForwarded === 'replace') {
    block.push(FOR, address, PROTO, proto);
    if (named !== '') block.push(HOST, named);
  } else if (xForwarded === 'append') {
    append(block, FOR, address);
    append(block, PROTO, proto);
    if (named !== '') append(block, HOST, named);
  }
  if (forwarded === 'replace') block.push('forwarded', forwardedElement(address, proto, named));
  else if (forwarded === 'append') append(block, 'forwarded', forwardedElement(address, proto, named));
}

function dropHops(
  block: HeaderBlock,
  xForwarded: ForwardingConfig['xForwarded'],
  dropsForwarded: boolean,
): void {
  let kept = 0;
  for (let i = 0; i < block.length; i += 2) {
    const name = block[i] as string;
    const first = name.charCodeAt(0);
    if (first === LETTER_X && dropsX(name, xForwarded)) continue;
    if (first === LETTER_F && dropsForwarded && name === 'forwarded') continue;
    if (kept !== i) {
      block[kept] = name;
      block[kept + 1] = block[i + 1] as string;
    }
    kept += 2;
  }
  shortenBlock(block, kept);
}

/**
 * Where a client's claims are believed, what has room for one value alone goes all the same: ours cannot stand behind
 * it. Spellings with `_` too: many backends fold them into the same name.
 */
function dropsX(name: string, xForwarded: ForwardingConfig['xForwarded']): boolean {
  const third = name.charCodeAt(2);
  if (xForwarded === 'keep' || (third !== LETTER_F && third !== LETTER_R)) return false;
  const folded = name.includes('_') ? name.replaceAll('_', '-') : name;
  if (folded === REAL_IP || folded === PORT) return true;
  return xForwarded !== 'append' && folded.startsWith(FAMILY);
}

/** After what earlier hops said, in the last field of that name: some backends read only one. */
function append(block: HeaderBlock, name: string, value: string): void {
  for (let i = block.length - 2; i >= 0; i -= 2) {
    if (block[i] !== name) continue;
    block[i + 1] = `${block[i + 1]}, ${value}`;
    return;
  }
  block.push(name, value);
}

/** RFC 7239 section 4: an IPv6 address stands in brackets, and so in quotes. */
function forwardedElement(address: string, proto: string, host: string): string {
  const node = address.includes(':') ? `"[${address}]"` : address;
  const element = `for=${node};proto=${proto}`;
  if (host === '') return element;
  return TOKEN.test(host) ? `${element};host=${host}` : `${element};host="${host.replace(/["\\]/g, '\\$&')}"`;
}

/** Without port and brackets; an IPv4 address as such, also on a socket that takes both. */
function addressOf(remoteAddress: string): string {
  const end = remoteAddress.lastIndexOf(':');
  if (remoteAddress.charCodeAt(0) !== OPEN_BRACKET)
    return end < 0 ? remoteAddress : remoteAddress.slice(0, end);
  const address = remoteAddress.slice(1, end - 1);
  return address.startsWith(MAPPED_IPV4) && address.includes('.')
    ? address.slice(MAPPED_IPV4.length)
    : address;
}
