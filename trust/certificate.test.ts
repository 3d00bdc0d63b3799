import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import { gatewayDnsName, gatewayId } from '../federation/model/identity.ts';
import { ForgedPki } from '../test/fixtures/broken-svids.ts';
import { TestClusterset } from '../test/fixtures/test-clusterset.ts';
import { parseCertificate, publicKeyOf } from './certificate.ts';
import { CsrError, createCsr, parseCsr } from './csr.ts';
import { generateKeyPair } from './key.ts';
import { certificatesFromPem } from './pem.ts';
import { SvidError } from './svid-error.ts';
import { verifySvid } from './verify.ts';

const WEST = 'west.mesh.example';

describe('parseCertificate', () => {
  let chain: readonly Uint8Array[];
  let set: TestClusterset;
  before(async () => {
    set = await TestClusterset.create(['west']);
    const svid = await set.svid('west', gatewayId(WEST), [gatewayDnsName(WEST)]);
    chain = [...certificatesFromPem(svid.certificateChainPem), ...set.bundle.rootsDer];
  });

  it('reads what OpenSSL reads', () => {
    for (const der of chain) {
      const [own, theirs] = [parseCertificate(der), new X509Certificate(der)];
      assert.equal(own.serial, theirs.serialNumber.toLowerCase().replace(/^0+/, ''));
      assert.equal(own.notBeforeMs, theirs.validFromDate.getTime());
      assert.equal(own.notAfterMs, theirs.validToDate.getTime());
      assert.ok(publicKeyOf(own).equals(theirs.publicKey));
      assert.equal(own.extensions.basicConstraints?.ca, theirs.ca);
    }
  });

  it('answers any damage with SvidError alone, as does what is built on it', () => {
    const [leaf = new Uint8Array(), ...above] = chain;
    const victim = fc.nat(chain.length - 1);
    const damage = fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(victim, damage, fc.option(fc.nat(2000), { nil: undefined }), (which, changes, cut) => {
        const bad = damaged(chain[which] ?? leaf, changes).subarray(0, cut);
        throwsOnly(SvidError, () => publicKeyOf(parseCertificate(bad)));
        const altered = chain.map((der, i) => (i === which ? bad : der));
        throwsOnly(SvidError, () =>
          verifySvid(
            altered[0] ?? leaf,
            altered.slice(1),
            new Map([[WEST, [altered.at(-1) ?? leaf]]]),
            Date.now(),
          ),
        );
      }),
      { numRuns: 3000 },
    );
    assert.equal(verifySvid(leaf, above, set.bundles, Date.now()).trustDomain, WEST);
  });

  it('answers garbage with SvidError alone', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (der) =>
        throwsOnly(SvidError, () => parseCertificate(der)),
      ),
    );
  });

  it('wants one signature algorithm, inside and outside', async () => {
    const pki = await ForgedPki.create();
    const der = Buffer.from((await pki.leaf()).der);
    const ecdsaWithSha256 = Buffer.from('06082a8648ce3d040302', 'hex');
    const bad = Buffer.from(der);
    bad[bad.lastIndexOf(ecdsaWithSha256) + ecdsaWithSha256.length - 1] = 3;
    assert.throws(() => parseCertificate(bad), /inside and outside differ/);
  });

  it('never takes a damaged leaf for a good one', async () => {
    const pki = await ForgedPki.create();
    const { der } = await pki.leaf();
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const bad = Uint8Array.from(der);
        bad[at] = (bad[at] ?? 0) ^ flip;
        assert.throws(() => verifySvid(bad, [pki.west.der], pki.bundles, Date.now()), SvidError);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('parseCsr', () => {
  it('reads what was asked for', async () => {
    const keyPair = await generateKeyPair();
    const der = await createCsr({ keyPair, id: gatewayId(WEST), dnsNames: [gatewayDnsName(WEST)] });
    const request = parseCsr(der);
    assert.deepEqual([request.uris, request.dnsNames], [[gatewayId(WEST).text], [gatewayDnsName(WEST)]]);
  });

  it('never takes a damaged request, and answers with CsrError alone', async () => {
    const der = await createCsr({ keyPair: await generateKeyPair(), id: gatewayId(WEST), dnsNames: [] });
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const bad = Uint8Array.from(der);
        bad[at] = (bad[at] ?? 0) ^ flip;
        assert.throws(() => parseCsr(bad), CsrError);
        assert.throws(() => parseCsr(der.subarray(0, at)), CsrError);
      }),
      { numRuns: 1000 },
    );
    assert.throws(() => parseCsr(new Uint8Array(17 * 1024)), /16 KiB/);
  });
});

function damaged(der: Uint8Array, changes: readonly (readonly [number, number])[]): Uint8Array {
  const bad = Uint8Array.from(der);
  for (const [at, value] of changes) bad[at % bad.length] = value;
  return bad;
}

function throwsOnly(expected: typeof SvidError, run: () => unknown): void {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof expected, String(error));
  }
}
