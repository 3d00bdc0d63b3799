import { createHash, randomBytes } from 'node:crypto';
import type { HeaderBlock } from '../http/stream.ts';

/**
 * What HTTP/1.1's WebSocket handshake (RFC 6455) has and HTTP/2's (RFC 8441) has not: a key, and an answer that
 * proves it was read. Where only one side of the gateway speaks HTTP/1.1 the gateway makes them.
 */

const KEY = 'sec-websocket-key';
const ACCEPT = 'sec-websocket-accept';
const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** A pod that speaks HTTP/1.1 wants a key. The client of one that was added here does not look for its answer. */
export function addWebSocketKey(request: HeaderBlock, protocol: string): void {
  if (!isWebSocket(protocol) || fieldOf(request, KEY) !== undefined) return;
  request.push(KEY, randomBytes(16).toString('base64'));
}

/** A client that sent a key wants it answered. */
export function addWebSocketAccept(answer: HeaderBlock, request: HeaderBlock, protocol: string): void {
  const key = fieldOf(request, KEY);
  if (answer[1] !== '101' || key === undefined || !isWebSocket(protocol)) return;
  if (fieldOf(answer, ACCEPT) !== undefined) return;
  answer.push(ACCEPT, createHash('sha1').update(`${key}${ACCEPT_SUFFIX}`).digest('base64'));
}

function isWebSocket(protocol: string): boolean {
  return protocol.toLowerCase() === 'websocket';
}

function fieldOf(block: HeaderBlock, name: string): string | undefined {
  for (let i = 0; i < block.length; i += 2) if (block[i] === name) return block[i + 1];
  return undefined;
}
