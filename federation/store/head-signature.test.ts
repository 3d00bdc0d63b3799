import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { TestClusterset } from '../../test/fixtures/test-clusterset.ts';
import { bundlesFor } from '../../trust/bundle.ts';
import { certificatesFromPem } from '../../trust/pem.ts';
import { signDocument } from '../../trust/signed-document.ts';
import type { Svid } from '../../trust/svid.ts';
import { federationId, gatewayId, workloadId } from '../model/identity.ts';
import { SYSTEM_CLOCK } from '../runtime/clock.ts';
import { Watchable } from '../runtime/watchable.ts';
import type { HeadVerifier } from './head.ts';
import { bundleVerifier, svidSigner } from './head-signature.ts';

const PAYLOAD = new TextEncoder().encode('a head');
const [WEST, EAST] = ['west.mesh.example', 'east.mesh.example'];

describe('the signature of a head', () => {
  let trust: TestClusterset;
  let verifier: HeadVerifier;
  before(async () => {
    trust = await TestClusterset.create(['west', 'east']);
    verifier = bundleVerifier('mesh.example', () => trust.bundles, SYSTEM_CLOCK);
  });

  const signedBy = (svid: Svid): Uint8Array =>
    svidSigner(new Watchable(svid)).value?.sign(PAYLOAD) ?? new Uint8Array();

  it('is that of the cluster’s own federation service', async () => {
    const signed = signedBy(await trust.svid('west', federationId(WEST)));
    assert.deepEqual(Buffer.from(verifier.verify(signed, 'west')), Buffer.from(PAYLOAD));
  });

  it('is signed by the SVID that is current, and read once for as long as it is', async () => {
    const first = await trust.svid('west', federationId(WEST));
    const second = await trust.svid('west', federationId(WEST));
    const svid = new Watchable<Svid | undefined>(first);
    const signer = svidSigner(svid);
    const one = signer.value;
    assert.equal(signer.value, one);
    const payloads = ['a', 'bc'].map((text) => Buffer.from(text));
    for (const payload of payloads) {
      const signed = one?.sign(payload) ?? new Uint8Array();
      assert.deepEqual(Buffer.from(verifier.verify(signed, 'west')), payload);
    }
    svid.set(second);
    assert.notEqual(signer.value, one);
    const [leaf] = certificatesFromPem(second.certificateChainPem);
    const signed = Buffer.from(signer.value?.sign(PAYLOAD) ?? new Uint8Array());
    assert.ok(leaf !== undefined && signed.includes(leaf));
    svid.set(undefined);
    assert.equal(signer.value, undefined);
  });

  it('is not another cluster’s', async () => {
    const signed = signedBy(await trust.svid('east', federationId(EAST)));
    assert.throws(() => verifier.verify(signed, 'west'), /east\.mesh\.example/);
  });

  it('is not another cluster’s whose chain was found good before', async () => {
    const roots = (trustDomain: string) => bundlesFor([trustDomain], trust.bundle);
    const one = bundleVerifier('mesh.example', roots, SYSTEM_CLOCK);
    const signed = signedBy(await trust.svid('east', federationId(EAST)));
    one.verify(signed, 'east');
    assert.throws(() => one.verify(signed, 'west'), /signer of the document/);
  });

  it('is not that of the cluster’s gateway or a workload', async () => {
    for (const id of [gatewayId(WEST), workloadId(WEST, 'isthmus', 'federation')]) {
      const signed = signedBy(await trust.svid('west', id));
      assert.throws(() => verifier.verify(signed, 'west'), /instead of/);
    }
  });

  it('is not that of a clusterset with the same names', async () => {
    const other = await TestClusterset.create(['west']);
    const signed = signedBy(await other.svid('west', federationId(WEST)));
    assert.throws(() => verifier.verify(signed, 'west'), /signer of the document/);
  });

  it('is not that of a document of another kind', async () => {
    const svid = await trust.svid('west', federationId(WEST));
    assert.throws(() => verifier.verify(signDocument(svid, 'isthmus-bundle-v1', PAYLOAD), 'west'), /type/);
  });

  it('does not outlive its certificate', async () => {
    const signed = signedBy(await trust.svid('west', federationId(WEST)));
    const tomorrow = { ...SYSTEM_CLOCK, now: () => Date.now() + 25 * 3_600_000 };
    const later = bundleVerifier('mesh.example', () => trust.bundles, tomorrow);
    assert.throws(() => later.verify(signed, 'west'), /signer of the document/);
  });

  it('follows the SVID and the bundles', async () => {
    const svid = new Watchable<Svid | undefined>(undefined);
    const signer = svidSigner(svid);
    assert.ok(!signer.value);
    let told = 0;
    signer.watch(() => told++);
    svid.set(await trust.svid('west', federationId(WEST)));
    assert.equal(told, 1);
    const signed = signedBy(svid.value as Svid);
    let { bundles } = trust;
    const follows = bundleVerifier('mesh.example', () => bundles, SYSTEM_CLOCK);
    follows.verify(signed, 'west');
    bundles = new Map([[WEST, []]]);
    assert.throws(() => follows.verify(signed, 'west'), 'an empty key set means trust nothing');
  });
});
