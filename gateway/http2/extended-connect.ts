import type { HeaderBlock } from '../http/stream.ts';

/**
 * Extended CONNECT (RFC 8441) is what HTTP/2 has for HTTP/1's Upgrade. The engine knows only the one form that
 * `HeaderBlock` describes; here it is turned into the other and back.
 */

/** The protocol that a request in the engine's form asks for; undefined for an ordinary one. */
export function upgradeOf(block: HeaderBlock): string | undefined {
  for (let at = block.length - 2; at >= 0; at -= 2) {
    if (block[at] === 'upgrade') return block[at + 1];
  }
  return undefined;
}

/** Engine's form → `:method CONNECT` with `:protocol`. */
export function toExtendedConnect(block: HeaderBlock, protocol: string): HeaderBlock {
  const converted: HeaderBlock = [':method', 'CONNECT', ':protocol', protocol];
  for (let at = 2; at < block.length; at += 2) {
    const name = block[at] as string;
    if (name !== 'upgrade') converted.push(name, block[at + 1] as string);
  }
  return converted;
}

/** A checked extended CONNECT → the engine's form, in place; returns the protocol. */
export function fromExtendedConnect(block: HeaderBlock): string {
  const at = block.indexOf(':protocol');
  const protocol = block.splice(at, 2)[1] as string;
  block[1] = 'GET';
  block.push('upgrade', protocol);
  return protocol;
}

/** The peer's answer to our extended CONNECT → the engine's form: 2xx has opened the tunnel. */
export function acceptedUpgrade(block: HeaderBlock, protocol: string): HeaderBlock {
  return [':status', '101', ...block.slice(2), 'upgrade', protocol];
}

/**
 * The engine's answer → what an extended CONNECT is answered with. A 2xx that did not open the tunnel would be taken
 * for one that did, so it becomes 502; undefined then.
 */
export function upgradeAnswer(block: HeaderBlock): HeaderBlock | undefined {
  const status = block[1] as string;
  if (status !== '101') return status.startsWith('2') ? undefined : block;
  const converted: HeaderBlock = [':status', '200'];
  for (let at = 2; at < block.length; at += 2) {
    const name = block[at] as string;
    if (name !== 'upgrade' && name !== 'sec-websocket-accept') converted.push(name, block[at + 1] as string);
  }
  return converted;
}
