import { createHash, randomBytes } from 'node:crypto';
import type { HeaderBlock } from './stream.ts';

/**
 * The key and its answer prove in HTTP/1 that a server understood the handshake (RFC 6455 section 4). HTTP/2 has no
 * such fields (RFC 8441 section 5), so each HTTP/1 hop makes and checks its own.
 */
const KEY_FIELD = 'sec-websocket-key';
const ACCEPT_FIELD = 'sec-websocket-accept';
const KEY_BYTES = 16;
const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/**
 * The protocol that a request may switch to, `websocket` or none. Others would carry requests past the rules for
 * requests: h2c is HTTP again, which nobody between the client and the pod would look at.
 */
export function acceptedUpgrade(protocol: string): string | undefined {
  return isWebSocket(protocol) ? 'websocket' : undefined;
}

export function isWebSocket(protocol: string): boolean {
  return protocol.toLowerCase() === 'websocket';
}

export function newWebSocketKey(): string {
  return randomBytes(KEY_BYTES).toString('base64');
}

export function webSocketAccept(key: string): string {
  return createHash('sha1').update(`${key}${MAGIC}`, 'latin1').digest('base64');
}

/** Takes the key out of a request; undefined when it has none. */
export function takeWebSocketKey(block: HeaderBlock): string | undefined {
  return takeField(block, KEY_FIELD);
}

export function pushWebSocketKey(block: HeaderBlock, key: string): void {
  block.push(KEY_FIELD, key);
}

/** Takes the answer out of a response and says whether it fits the key. */
export function takeWebSocketAccept(block: HeaderBlock, key: string): boolean {
  return takeField(block, ACCEPT_FIELD) === webSocketAccept(key);
}

export function pushWebSocketAccept(block: HeaderBlock, key: string): void {
  block.push(ACCEPT_FIELD, webSocketAccept(key));
}

function takeField(block: HeaderBlock, name: string): string | undefined {
  for (let at = 0; at < block.length; at += 2) {
    if (block[at] === name) return block.splice(at, 2)[1];
  }
  return undefined;
}
