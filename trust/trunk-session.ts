import type { TLSSocket } from 'node:tls';
import type { TrustDomain } from '../federation/model/identity.ts';
import { bundlesFingerprint, type TrustBundles } from './bundle.ts';
import { peerChain } from './peer-chain.ts';

/** What a client keeps of a verified connection in order to resume it. The ticket is a secret. */
export interface TrunkSession {
  readonly ticket: Buffer;
  /** The server's leaf: Node does not tell it on a resumed connection, and it must be checked again. */
  readonly leafDer: Uint8Array;
  /** The roots under which the chain was verified. */
  readonly roots: string;
}

/**
 * Calls back with each ticket that the server sends on a connection. To be called right after the connection was
 * found good, with the session that it resumed, if any.
 */
export function watchTrunkSessions(
  socket: TLSSocket,
  verified: {
    readonly bundles: TrustBundles;
    readonly peerTrustDomain: TrustDomain;
    readonly session?: TrunkSession | undefined;
  },
  listener: (session: TrunkSession) => void,
): void {
  const leafDer = peerChain(socket, verified.session?.leafDer).leafDer;
  const roots = rootsKey(verified.bundles, verified.peerTrustDomain);
  socket.on('session', (ticket) => listener({ ticket, leafDer, roots }));
}

/** The ticket, unless the peer's roots are others now. */
export function usableTicket(
  session: TrunkSession,
  bundles: TrustBundles,
  peerTrustDomain: TrustDomain,
): Buffer | undefined {
  return session.roots === rootsKey(bundles, peerTrustDomain) ? session.ticket : undefined;
}

function rootsKey(bundles: TrustBundles, peerTrustDomain: TrustDomain): string {
  const roots = bundles.get(peerTrustDomain) ?? [];
  return Buffer.from(bundlesFingerprint(new Map([[peerTrustDomain, roots]]))).toString('hex');
}
