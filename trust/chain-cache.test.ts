import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { brokenSvids, ForgedPki } from '../test/fixtures/broken-svids.ts';
import { parseCertificate } from './certificate.ts';
import { ChainCache } from './chain-cache.ts';
import { SvidError } from './svid-error.ts';
import { checkLeaf } from './verify.ts';

describe('leaves that come again', () => {
  let pki: ForgedPki;
  before(async () => {
    pki = await ForgedPki.create();
  });

  it('are who they were, and only while they are valid', async () => {
    const { der } = await pki.leaf();
    const cache = new ChainCache();
    const { notBeforeMs, notAfterMs } = parseCertificate(der);
    assert.equal(cache.leaf(der, notAfterMs), cache.leaf(Uint8Array.from(der), notBeforeMs));
    assert.throws(() => cache.leaf(der, notAfterMs + 1), ruleIs('expired'));
    assert.equal(cache.leaf(der, notAfterMs).text, checkLeaf(der, notAfterMs).text);
    assert.throws(() => cache.leaf(der, notBeforeMs - 1), ruleIs('not-yet-valid'));
  });

  it('are no chain: nobody vouches for one of them', async () => {
    const { der } = await pki.leaf();
    const cache = new ChainCache();
    cache.leaf(der, Date.now());
    assert.throws(() => cache.verify([der], pki.bundles, Date.now()), ruleIs('untrusted-root'));
    assert.equal(cache.size, 0);
  });

  it('are refused each time as without a cache', async () => {
    const cache = new ChainCache();
    let refused = 0;
    for (const broken of brokenSvids) {
      const [leaf] = await broken.build(pki);
      const der = leaf?.der ?? new Uint8Array();
      const rule = ruleOf(() => checkLeaf(der, Date.now()));
      for (let time = 0; time < 2; time++) {
        assert.equal(
          ruleOf(() => cache.leaf(der, Date.now())),
          rule,
          broken.what,
        );
      }
      if (rule !== undefined) refused++;
    }
    assert.ok(refused > 5, `${refused} are refused`);
  });

  it('are forgotten when there are too many', async () => {
    const cache = new ChainCache(2);
    const leaves = await Promise.all([pki.leaf(), pki.leaf(), pki.leaf()]);
    const [first] = leaves.map(({ der }) => cache.leaf(der, Date.now()));
    assert.notEqual(cache.leaf(leaves[0]?.der ?? new Uint8Array(), Date.now()), first);
  });
});

function ruleOf(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (!(error instanceof SvidError)) throw error;
    return error.rule;
  }
}

function ruleIs(rule: SvidError['rule']): (error: unknown) => boolean {
  return (error) => error instanceof SvidError && error.rule === rule;
}
