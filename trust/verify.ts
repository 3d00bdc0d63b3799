import type { TLSSocket } from 'node:tls';
import type { SpiffeId } from '../federation/model/identity.ts';
import type { TrustBundles } from './bundle.ts';
import { parseCertificate } from './certificate.ts';
import type { ChainCache } from './chain-cache.ts';
import { checkLeafRules } from './leaf.ts';
import { type PeerChain, peerChain } from './peer-chain.ts';
import { rootsOf, verifySvidChain } from './svid-chain.ts';
import { SvidError } from './svid-error.ts';

/**
 * Verifies an X.509-SVID completely: the rules of SPIFFE for the leaf, then its chain to a root of the leaf's own
 * trust domain.
 * @param leafDer the certificate that came first
 * @param chainDer what came after it, in order
 * @throws SvidError naming the broken rule.
 */
export function verifySvid(
  leafDer: Uint8Array,
  chainDer: readonly Uint8Array[],
  bundles: TrustBundles,
  nowMs: number,
): SpiffeId {
  return verifySvidChain([leafDer, ...chainDer], bundles, nowMs).id;
}

/**
 * The rules for the leaf alone, validity included. Says nothing of who signed it: enough only where the chain was
 * verified before, as on a resumed TLS session.
 * @throws SvidError naming the broken rule.
 */
export function checkLeaf(leafDer: Uint8Array, nowMs: number): SpiffeId {
  return checkLeafRules(parseCertificate(leafDer), nowMs);
}

export interface TlsPeerOptions {
  /** On a client that offered a session: the leaf kept with it (see trunk-session.ts). */
  readonly resumedLeafDer?: Uint8Array | undefined;
  /** Makes who comes again cheap: a fraction of what reading a leaf and the two signatures of a new chain cost. */
  readonly cache?: ChainCache | undefined;
}

/**
 * Who is at the other end of a TLS connection; to be called once the handshake is done. OpenSSL's verdict and
 * ours must both be good. A resumed session brings no chain: its leaf is checked again, and ticket keys that
 * change with the bundles (see tls.ts) bind the session to the roots under which the chain was verified.
 * @throws SvidError naming the broken rule.
 */
export function verifyTlsPeer(
  socket: TLSSocket,
  bundles: TrustBundles,
  nowMs: number,
  options: TlsPeerOptions = {},
): SpiffeId {
  const peer = peerChain(socket, options.resumedLeafDer);
  const id = socket.isSessionReused()
    ? checkResumed(peer.leafDer, bundles, nowMs, options.cache)
    : checkFull(peer, bundles, nowMs, options.cache);
  if (!socket.authorized) {
    throw new SvidError(
      'refused-by-tls',
      `TLS refuses the certificate: ${String(socket.authorizationError)}`,
    );
  }
  return id;
}

function checkFull(
  { leafDer, chainDer }: PeerChain,
  bundles: TrustBundles,
  nowMs: number,
  cache: ChainCache | undefined,
): SpiffeId {
  const chain = [leafDer, ...chainDer];
  return (cache?.verify(chain, bundles, nowMs) ?? verifySvidChain(chain, bundles, nowMs)).id;
}

function checkResumed(
  leafDer: Uint8Array,
  bundles: TrustBundles,
  nowMs: number,
  cache: ChainCache | undefined,
): SpiffeId {
  const id = cache?.leaf(leafDer, nowMs) ?? checkLeaf(leafDer, nowMs);
  rootsOf(bundles, id.trustDomain);
  return id;
}
