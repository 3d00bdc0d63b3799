import type { TLSSocket } from 'node:tls';
import type { TrustDomain } from '../federation/model/identity.ts';
import { bundlesFingerprint, type TrustBundles } from './bundle.ts';
import { peerChain } from './peer-chain.ts';
import { verifyAgainAtMs } from './verify-again.ts';

/** What a client keeps of a verified connection in order to resume it. The ticket is a secret. */
export interface TrunkSession {
  readonly ticket: Buffer;
  /** The server's leaf: Node does not tell it on a resumed connection, and it must be checked again. */
  readonly leafDer: Uint8Array;
  /** The roots under which the chain was verified. */
  readonly roots: string;
  /** Unix ms; from then on the chain and the key have to be proved again. */
  readonly verifyAgainAtMs: number;
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
    readonly nowMs: number;
  },
  listener: (session: TrunkSession) => void,
): void {
  const { bundles, peerTrustDomain, session } = verified;
  const chain = peerChain(socket, session?.leafDer);
  const roots = rootsKey(bundles, peerTrustDomain);
  // What it resumes was verified then, and not now.
  const resumed = socket.isSessionReused() ? session?.verifyAgainAtMs : undefined;
  const anchors = bundles.get(peerTrustDomain) ?? [];
  const againAtMs =
    resumed ?? verifyAgainAtMs([chain.leafDer, ...chain.chainDer, ...anchors], verified.nowMs);
  const found = { leafDer: chain.leafDer, roots, verifyAgainAtMs: againAtMs };
  socket.on('session', (ticket) => listener({ ticket, ...found }));
}

/** The ticket, unless the peer's roots are others now, or what it stands for was verified too long ago. */
export function usableTicket(
  session: TrunkSession,
  bundles: TrustBundles,
  peerTrustDomain: TrustDomain,
  nowMs: number,
): Buffer | undefined {
  if (nowMs >= session.verifyAgainAtMs) return undefined;
  return session.roots === rootsKey(bundles, peerTrustDomain) ? session.ticket : undefined;
}

function rootsKey(bundles: TrustBundles, peerTrustDomain: TrustDomain): string {
  const roots = bundles.get(peerTrustDomain) ?? [];
  return Buffer.from(bundlesFingerprint(new Map([[peerTrustDomain, roots]]))).toString('hex');
}
