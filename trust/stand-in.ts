import type { SpiffeId } from '../federation/model/identity.ts';
import { type Authority, createIntermediate, INTERMEDIATE_LIFETIME_MS, issueSvid } from './authority.ts';
import { createCsr } from './csr.ts';
import { generateKeyPair } from './key.ts';
import { type Svid, svidFromChain } from './svid.ts';

/**
 * An identity of a cluster that cannot speak for itself any more, made by the root: for the one word that it is gone. It
 * lives as long as an intermediate does, so that a member which was away itself can verify that word later; whoever asks
 * for it drops the key at once, and the intermediate's is dropped here.
 * @throws AuthorityError
 */
export async function standInSvid(root: Authority, id: SpiffeId, nowMs: number): Promise<Svid> {
  const { trustDomain } = id;
  const above = await generateKeyPair();
  const certificatePem = await createIntermediate(root, {
    trustDomain,
    nowMs,
    publicKeyPem: above.publicKeyPem,
  });
  const { privateKeyPem } = above;
  const keyPair = await generateKeyPair();
  const { chainDer } = await issueSvid(
    { certificatePem, privateKeyPem, chainPem: certificatePem },
    {
      csrDer: await createCsr({ keyPair, id, dnsNames: [] }),
      id,
      dnsNames: [],
      nowMs,
      ttlMs: INTERMEDIATE_LIFETIME_MS,
    },
  );
  return svidFromChain(chainDer, keyPair.privateKeyPem, nowMs);
}
