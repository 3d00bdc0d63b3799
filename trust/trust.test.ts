import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clusterTrustDomain, federationId, gatewayDnsName, gatewayId } from '../federation/model/identity.ts';
import { type Authority, createIntermediate, createRoot, issueSvid } from './authority.ts';
import { bundlesFor, parseBundle, printBundle } from './bundle.ts';
import { createCsr, parseCsr } from './csr.ts';
import { bundleOfRoot } from './folder-writer.ts';
import { generateKeyPair } from './key.ts';
import { signDocument, verifyDocument } from './signed-document.ts';
import { svidFromChain } from './svid.ts';
import { verifySvid } from './verify.ts';

const nowMs = Date.UTC(2026, 5, 1);

describe('trust, from root to signed document', () => {
  it('issues an SVID that verifies and signs', async () => {
    const root = await createRoot({ clusterset: 'mesh.example', nowMs });
    const trustDomain = clusterTrustDomain('west', 'mesh.example');
    const keys = await generateKeyPair();
    const certificatePem = await createIntermediate(root, {
      trustDomain,
      publicKeyPem: keys.publicKeyPem,
      nowMs,
    });
    const west: Authority = { certificatePem, chainPem: certificatePem, privateKeyPem: keys.privateKeyPem };
    const keyPair = await generateKeyPair();
    const id = federationId(trustDomain);
    const csrDer = await createCsr({ keyPair, id, dnsNames: [gatewayDnsName(trustDomain)] });
    assert.deepEqual(parseCsr(csrDer).uris, [id.text]);
    const { chainDer } = await issueSvid(west, {
      csrDer,
      id,
      dnsNames: [gatewayDnsName(trustDomain)],
      nowMs,
    });
    const bundle = bundleOfRoot(root, 'mesh.example', 1);
    assert.deepEqual(parseBundle(printBundle(bundle), 'mesh.example'), bundle);
    const bundles = bundlesFor([trustDomain], bundle);
    const [leaf = new Uint8Array(), ...above] = chainDer;
    assert.deepEqual(verifySvid(leaf, above, bundles, nowMs), id);
    const svid = svidFromChain(chainDer, keyPair.privateKeyPem, nowMs);
    const document = signDocument(svid, 'head', Buffer.from('hello'));
    const payload = verifyDocument(document, { type: 'head', bundles, trustDomain, requiredId: id, nowMs });
    assert.equal(Buffer.from(payload).toString(), 'hello');
    assert.throws(
      () =>
        verifyDocument(document, {
          type: 'head',
          bundles,
          trustDomain,
          requiredId: gatewayId(trustDomain),
          nowMs,
        }),
      /instead of/,
    );
  });
});
