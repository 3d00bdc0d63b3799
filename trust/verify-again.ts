import { X509Certificate } from 'node:crypto';

/**
 * How long a chain that was verified is believed. Each resumed connection brings a ticket for the next, so without
 * this a server could be resumed for ever, and neither its chain nor its key would be proved again (RFC 8446 section 4.6.1).
 */
const BELIEVED_MS = 3_600_000;

/**
 * When the first certificate ends that a peer may be believed by, or a while from now. Which of several authorities
 * OpenSSL went by is not told; what has ended already it cannot have been.
 * @param certificatesDer the peer's chain, and who may have signed it
 * @returns Unix ms; no session of that peer may be resumed from then on
 */
export function verifyAgainAtMs(certificatesDer: readonly Uint8Array[], nowMs: number): number {
  const ends = certificatesDer.map((der) => new X509Certificate(der).validToDate.getTime());
  return Math.min(nowMs + BELIEVED_MS, ...ends.filter((endMs) => endMs > nowMs));
}
