import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { type BrokenSvid, brokenSvids, ForgedPki } from '../test/fixtures/broken-svids.ts';
import type { Forged } from '../test/fixtures/certificate-forge.ts';
import { SvidError } from './svid-error.ts';
import { verifySvid } from './verify.ts';

const WEST = 'west.mesh.example';

describe('verifySvid', () => {
  let pki: ForgedPki;
  before(async () => {
    pki = await ForgedPki.create();
  });

  function verify(chain: readonly Forged[]): string {
    const [leaf = new Uint8Array(), ...above] = chain.map((certificate) => certificate.der);
    return verifySvid(leaf, above, pki.bundles, Date.now()).text;
  }

  it('accepts a good chain, with and without the root at its end', async () => {
    const leaf = await pki.leaf();
    assert.equal(verify([leaf, pki.west]), `spiffe://${WEST}/isthmus/gateway`);
    assert.equal(verify([leaf, pki.west, pki.root]), `spiffe://${WEST}/isthmus/gateway`);
  });

  for (const broken of brokenSvids) {
    it(`refuses ${broken.what}: ${broken.rule}`, async () => {
      const chain = await broken.build(pki);
      assert.throws(() => verify(chain), ruleIs(broken.rule));
    });
  }
});

function ruleIs(rule: BrokenSvid['rule']): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof SvidError, String(error));
    assert.equal(error.rule, rule, error.message);
    return true;
  };
}
