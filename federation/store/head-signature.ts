import type { TrustBundles } from '../../trust/bundle.ts';
import { ChainCache } from '../../trust/chain-cache.ts';
import { documentSigner, verifyDocument } from '../../trust/signed-document.ts';
import type { Svid } from '../../trust/svid.ts';
import { clusterTrustDomain, federationId, type TrustDomain } from '../model/identity.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Readable } from '../runtime/watchable.ts';
import type { HeadSigner, HeadVerifier } from './head.ts';

const DOCUMENT_TYPE = 'isthmus-head-v1';

/** Signs with the federation SVID that is current when a head is made. */
export function svidSigner(svid: Readable<Svid | undefined>): Readable<HeadSigner | undefined> {
  let last: { readonly svid: Svid; readonly signer: HeadSigner } | undefined;
  const toSigner = (current: Svid | undefined): HeadSigner | undefined => {
    if (current === undefined) return undefined;
    if (last?.svid !== current) last = { svid: current, signer: headSigner(current) };
    return last.signer;
  };
  return {
    get value() {
      return toSigner(svid.value);
    },
    watch: (listener) => svid.watch((current) => listener(toSigner(current))),
  };
}

/** Reads the SVID when it signs first. */
export function headSigner(svid: Svid): HeadSigner {
  let sign: ((payload: Uint8Array) => Uint8Array) | undefined;
  return {
    sign: (payload) => {
      sign ??= documentSigner(svid, DOCUMENT_TYPE);
      return sign(payload);
    },
  };
}

/**
 * Takes a head only from `spiffe://<cluster>.<clusterset>/isthmus/federation` of the key's own cluster. It keeps
 * nothing by cluster, for names come from the store; the chains that it remembers are bounded, and good ones only.
 * @param bundlesOf what vouches for this trust domain now; the same list of roots while they are the same
 */
export function bundleVerifier(
  clusterset: string,
  bundlesOf: (trustDomain: TrustDomain) => TrustBundles,
  clock: Clock,
): HeadVerifier {
  const cache = new ChainCache();
  return {
    verify: (signed, cluster) => {
      const trustDomain = clusterTrustDomain(cluster, clusterset);
      return verifyDocument(signed, {
        type: DOCUMENT_TYPE,
        bundles: bundlesOf(trustDomain),
        trustDomain,
        requiredId: federationId(trustDomain),
        nowMs: clock.now(),
        cache,
      });
    },
  };
}
