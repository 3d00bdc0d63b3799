import type { KeyObject } from 'node:crypto';
import type { SpiffeId, TrustDomain } from '../federation/model/identity.ts';
import type { TrustBundles } from './bundle.ts';
import { type Certificate, parseCertificate, publicKeyOf } from './certificate.ts';
import { MAX_CHAIN_CERTIFICATES, verifyChain } from './chain.ts';
import { checkLeafRules } from './leaf.ts';
import { SvidError } from './svid-error.ts';

/** An X.509-SVID that was verified, and the time for which that holds. */
export class VerifiedSvid {
  readonly id: SpiffeId;
  /** While all certificates of the chain, root included, are valid. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly #leaf: Certificate;
  #publicKey: KeyObject | undefined;

  constructor(id: SpiffeId, leaf: Certificate, issuers: readonly Certificate[]) {
    const all = [leaf, ...issuers];
    this.id = id;
    this.notBeforeMs = Math.max(...all.map((certificate) => certificate.notBeforeMs));
    this.notAfterMs = Math.min(...all.map((certificate) => certificate.notAfterMs));
    this.#leaf = leaf;
  }

  /** Imported when it is first asked for: TLS never asks. @throws SvidError */
  get publicKey(): KeyObject {
    this.#publicKey ??= publicKeyOf(this.#leaf);
    return this.#publicKey;
  }
}

/**
 * The rules of SPIFFE for the leaf, then its chain to a root of the leaf's own trust domain.
 * @param chainDer leaf first
 * @throws SvidError naming the broken rule.
 */
export function verifySvidChain(
  chainDer: readonly Uint8Array[],
  bundles: TrustBundles,
  nowMs: number,
): VerifiedSvid {
  const [leafDer, ...above] = chainDer;
  if (leafDer === undefined) throw new SvidError('no-certificate', 'there is no certificate');
  // One more than is allowed may be the root, which some peers send.
  if (above.length > MAX_CHAIN_CERTIFICATES) throw new SvidError('chain-too-long', 'chain is too long');
  const leaf = parseCertificate(leafDer);
  const id = checkLeafRules(leaf, nowMs);
  const roots = rootsOf(bundles, id.trustDomain).map((der) => parseCertificate(der));
  const chain = above.map((der) => parseCertificate(der));
  return new VerifiedSvid(id, leaf, verifyChain(leaf, chain, roots, nowMs));
}

/** @throws SvidError `unknown-trust-domain` where there is no bundle, or an empty one. */
export function rootsOf(bundles: TrustBundles, trustDomain: TrustDomain): readonly Uint8Array[] {
  const roots = bundles.get(trustDomain) ?? [];
  if (roots.length > 0) return roots;
  throw new SvidError('unknown-trust-domain', `there is no trust bundle for ${trustDomain}`);
}
