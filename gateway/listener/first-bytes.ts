/** What a client on a shared port speaks, by its first bytes. */
export type FirstBytes = 'tls' | 'http2' | 'http1';

const TLS_HANDSHAKE_RECORD = 0x16;
/** The first bytes of HTTP/2's preface (RFC 9113 section 3.4). No HTTP/1 method begins so. */
const PREFACE = Buffer.from('PRI ', 'latin1');

/** undefined = more bytes are needed. HTTP/1's codec refuses what is neither. */
export function recognize(bytes: Uint8Array): FirstBytes | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes[0] === TLS_HANDSHAKE_RECORD) return 'tls';
  const length = Math.min(bytes.length, PREFACE.length);
  for (let index = 0; index < length; index++) if (bytes[index] !== PREFACE[index]) return 'http1';
  return bytes.length < PREFACE.length ? undefined : 'http2';
}
