import type { KeyObject } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { SpiffeId, TrustDomain } from '../federation/model/identity.ts';
import type { TrustBundles } from './bundle.ts';
import { parseCertificate } from './certificate.ts';
import { MAX_CHAIN_CERTIFICATES, parseRoots, verifyChain } from './chain.ts';
import { checkLeafRules } from './leaf.ts';
import { peerChain } from './peer-chain.ts';
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
  return verifySvidChain(leafDer, chainDer, bundles, nowMs).id;
}

/** What a verification found, for callers that keep it. */
export interface VerifiedSvid {
  readonly id: SpiffeId;
  readonly publicKey: KeyObject;
  /** While all certificates of the chain, root included, are valid. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** As `verifySvid`, with the leaf's key and the time for which the answer holds. */
export function verifySvidChain(
  leafDer: Uint8Array,
  chainDer: readonly Uint8Array[],
  bundles: TrustBundles,
  nowMs: number,
): VerifiedSvid {
  // One more than is allowed may be the root, which some peers send.
  if (chainDer.length > MAX_CHAIN_CERTIFICATES) throw new SvidError('chain-too-long', 'chain is too long');
  const leaf = parseCertificate(leafDer);
  const id = checkLeafRules(leaf, nowMs);
  const roots = parseRoots(id.trustDomain, rootsOf(bundles, id.trustDomain));
  const issuers = verifyChain(leaf, chainDer.map(parseCertificate), roots, nowMs);
  const all = [leaf, ...issuers];
  return {
    id,
    publicKey: leaf.publicKey,
    notBeforeMs: Math.max(...all.map((certificate) => certificate.notBeforeMs)),
    notAfterMs: Math.min(...all.map((certificate) => certificate.notAfterMs)),
  };
}

/**
 * The rules for the leaf alone, validity included. Says nothing of who signed it: enough only where the chain was
 * verified before, as on a resumed TLS session.
 * @throws SvidError naming the broken rule.
 */
export function checkLeaf(leafDer: Uint8Array, nowMs: number): SpiffeId {
  return checkLeafRules(parseCertificate(leafDer), nowMs);
}

/**
 * Who is at the other end of a TLS connection; to be called once the handshake is done. OpenSSL's verdict and
 * ours must both be good. A resumed session brings no chain: its leaf is checked again, and ticket keys that
 * change with the bundles (see tls.ts) bind the session to the roots under which the chain was verified.
 * @param resumedLeafDer on a client that offered a session: the leaf kept with it (see trunk-session.ts)
 * @throws SvidError naming the broken rule.
 */
export function verifyTlsPeer(
  socket: TLSSocket,
  bundles: TrustBundles,
  nowMs: number,
  resumedLeafDer?: Uint8Array,
): SpiffeId {
  const { leafDer, chainDer } = peerChain(socket, resumedLeafDer);
  const id = socket.isSessionReused()
    ? checkResumed(leafDer, bundles, nowMs)
    : verifySvid(leafDer, chainDer, bundles, nowMs);
  if (!socket.authorized) {
    throw new SvidError(
      'refused-by-tls',
      `TLS refuses the certificate: ${String(socket.authorizationError)}`,
    );
  }
  return id;
}

function checkResumed(leafDer: Uint8Array, bundles: TrustBundles, nowMs: number): SpiffeId {
  const id = checkLeaf(leafDer, nowMs);
  parseRoots(id.trustDomain, rootsOf(bundles, id.trustDomain));
  return id;
}

function rootsOf(bundles: TrustBundles, trustDomain: TrustDomain): readonly Uint8Array[] {
  return bundles.get(trustDomain) ?? [];
}
