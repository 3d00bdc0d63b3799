import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { MAX_CHAIN_CERTIFICATES } from './chain.ts';
import { SvidError } from './svid-error.ts';

export interface PeerChain {
  readonly leafDer: Uint8Array;
  /** Empty on a resumed session: a ticket holds the leaf alone. */
  readonly chainDer: readonly Uint8Array[];
}

/**
 * The certificates that the peer sent, read from the connection.
 * @param resumedLeafDer on a client, where Node tells no certificate of a resumed session: the leaf kept with it
 * @throws SvidError `no-certificate`
 */
export function peerChain(socket: TLSSocket, resumedLeafDer?: Uint8Array): PeerChain {
  const leaf = socket.getPeerX509Certificate();
  if (leaf === undefined) {
    if (resumedLeafDer !== undefined && socket.isSessionReused())
      return { leafDer: resumedLeafDer, chainDer: [] };
    throw new SvidError('no-certificate', 'peer showed no certificate');
  }
  const chainDer: Uint8Array[] = [];
  let issuer: X509Certificate | undefined = leaf.issuerCertificate;
  // One more than is allowed is enough to refuse it.
  while (issuer !== undefined && chainDer.length <= MAX_CHAIN_CERTIFICATES) {
    chainDer.push(issuer.raw);
    issuer = issuer.issuerCertificate;
  }
  return { leafDer: leaf.raw, chainDer };
}
