import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import { federationId, gatewayId, type SpiffeId } from '../federation/model/identity.ts';
import { ForgedPki } from '../test/fixtures/broken-svids.ts';
import { TestClusterset } from '../test/fixtures/test-clusterset.ts';
import { ChainCache } from './chain-cache.ts';
import { certificatesFromPem } from './pem.ts';
import { DocumentError, signDocument, verifyDocument } from './signed-document.ts';
import type { Svid } from './svid.ts';
import { SvidError } from './svid-error.ts';

const WEST = 'west.mesh.example';
const EAST = 'east.mesh.example';
const nowMs = Date.UTC(2026, 5, 1);
const DAY_MS = 86_400_000;

describe('a signed document', () => {
  let set: TestClusterset;
  let west: Svid;
  let document: Uint8Array;
  const payload = Buffer.from('{"cluster":"west"}');

  before(async () => {
    set = await TestClusterset.create(['west', 'east'], { nowMs });
    west = await set.svid('west', federationId(WEST));
    document = signDocument(west, 'head', payload);
  });

  interface Changes {
    type?: string;
    trustDomain?: string;
    requiredId?: SpiffeId;
    nowMs?: number;
    cache?: ChainCache;
  }
  function verify(bytes: Uint8Array, changes: Changes = {}): string {
    const expected = { type: 'head', bundles: set.bundles, trustDomain: WEST, nowMs, ...changes };
    return Buffer.from(verifyDocument(bytes, expected)).toString();
  }

  it('gives its payload back, also an empty one', () => {
    assert.equal(verify(document, { requiredId: federationId(WEST) }), payload.toString());
    assert.equal(verify(signDocument(west, 'head', new Uint8Array())), '');
  });

  it('is refused as a document of another type', () => {
    assert.throws(() => verify(document, { type: 'bundle' }), /not of type bundle/);
    // The type is in what is signed, not only beside it.
    const renamed = Buffer.from(document);
    renamed.write('body', renamed.indexOf('head'));
    assert.throws(() => verify(renamed, { type: 'body' }), /was altered/);
  });

  it("is refused under another cluster's name, and from another of the same cluster", async () => {
    assert.throws(() => verify(document, { trustDomain: EAST }), /not of east\.mesh\.example/);
    assert.throws(() => verify(document, { requiredId: gatewayId(WEST) }), /instead of .*gateway/);
    const east = await set.svid('east', federationId(EAST));
    assert.throws(() => verify(signDocument(east, 'head', payload)), /not of west/);
  });

  it('is refused when it is too early or too late', () => {
    assert.throws(() => verify(document, { nowMs: nowMs - 2 * 60_000 }), cause('not-yet-valid'));
    assert.throws(() => verify(document, { nowMs: nowMs + 2 * DAY_MS }), cause('expired'));
  });

  it('is refused from another clusterset, though it bears the same names', async () => {
    const impostor = await TestClusterset.create(['west'], { nowMs });
    const forgery = signDocument(await impostor.svid('west', federationId(WEST)), 'head', payload);
    assert.throws(() => verify(forgery), cause('untrusted-root'));
  });

  it('is refused with any one bit turned, and at any length cut off', () => {
    fc.assert(
      fc.property(fc.nat(document.length - 1), fc.nat(7), (at, bit) => {
        const altered = Uint8Array.from(document);
        altered[at] = (altered[at] ?? 0) ^ (1 << bit);
        assert.throws(() => verify(altered), DocumentError);
        assert.throws(() => verify(document.subarray(0, at)), DocumentError);
      }),
      { numRuns: 400 },
    );
  });

  it('is refused with something behind it', () => {
    assert.throws(() => verify(Buffer.concat([document, Buffer.of(0)])), /something follows/);
  });

  it('answers garbage with DocumentError alone', () => {
    const garbage = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(
        fc.oneof(
          garbage,
          garbage.map((bytes) => Buffer.concat([Buffer.from('ISD1'), bytes])),
        ),
        (bytes) => {
          assert.throws(() => verify(bytes), DocumentError);
        },
      ),
    );
  });

  it('is bounded, as is its type', () => {
    assert.throws(() => signDocument(west, 'head', new Uint8Array(1024 * 1024 + 1)), RangeError);
    assert.throws(() => signDocument(west, 'Head', payload), RangeError);
    const long = signDocument(west, 'head', new Uint8Array(1024 * 1024));
    assert.equal(verify(long).length, 1024 * 1024);
  });

  describe('with a cache of chains', () => {
    it('is still refused for its own faults', () => {
      const cache = new ChainCache();
      assert.equal(verify(document, { cache }), payload.toString());
      assert.equal(cache.size, 1);
      const altered = Uint8Array.from(document);
      altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
      assert.throws(() => verify(altered, { cache }), DocumentError);
      assert.throws(() => verify(document, { cache, trustDomain: EAST }), /not of east/);
      assert.throws(() => verify(document, { cache, nowMs: nowMs + 2 * DAY_MS }), cause('expired'));
      assert.equal(cache.size, 0);
    });

    it('is verified anew under changed roots', async () => {
      const cache = new ChainCache();
      verify(document, { cache });
      const pki = await ForgedPki.create();
      const expected = { type: 'head', bundles: pki.bundles, trustDomain: WEST, nowMs, cache };
      assert.throws(() => verifyDocument(document, expected), cause('untrusted-root'));
      assert.equal(verify(document, { cache }), payload.toString());
    });

    it('holds no more chains than it may, and keeps those in use', async () => {
      const cache = new ChainCache(2);
      const svids = [
        west,
        await set.svid('west', federationId(WEST)),
        await set.svid('west', federationId(WEST)),
      ];
      const [a = [], b = [], c = []] = svids.map((svid) => certificatesFromPem(svid.certificateChainPem));
      const use = (chain: readonly Uint8Array[]): unknown => cache.verify(chain, set.bundles, nowMs);
      const [keptA, keptB] = [use(a), use(b)];
      assert.equal(use(a), keptA);
      use(c);
      assert.equal(cache.size, 2);
      assert.equal(use(a), keptA);
      assert.notEqual(use(b), keptB);
    });
  });
});

function cause(rule: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof DocumentError, String(error));
    assert.ok(error.cause instanceof SvidError, String(error));
    assert.equal(error.cause.rule, rule);
    return true;
  };
}
