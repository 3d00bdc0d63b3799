import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { ForgedPki } from '../test/fixtures/broken-svids.ts';
import { TestClusterset } from '../test/fixtures/test-clusterset.ts';
import {
  BundleError,
  bundlesFingerprint,
  bundlesFor,
  parseBundle,
  printBundle,
  type TrustBundle,
} from './bundle.ts';

const SET = 'mesh.example';

interface Document {
  keys: Record<string, unknown>[];
  [field: string]: unknown;
}

describe('a SPIFFE bundle', () => {
  let bundle: TrustBundle;
  let pki: ForgedPki;
  before(async () => {
    bundle = (await TestClusterset.create(['west'])).bundle;
    pki = await ForgedPki.create();
  });

  /** The document with one thing changed. */
  function parseChanged(change: (document: Document, key: Record<string, unknown>) => void): TrustBundle {
    const document = JSON.parse(printBundle(bundle)) as Document;
    const [key = {}] = document.keys;
    change(document, key);
    return parseBundle(JSON.stringify(document), SET);
  }

  it('is a JWKS document, with the fields of the standard', () => {
    const document = JSON.parse(printBundle({ ...bundle, sequence: 7, refreshHintSeconds: 60 })) as Document;
    assert.equal(document.spiffe_sequence, 7);
    assert.equal(document.spiffe_refresh_hint, 60);
    const [key] = document.keys;
    assert.equal(key?.use, 'x509-svid');
    assert.equal(key?.kty, 'EC');
    assert.equal(key?.crv, 'P-256');
    assert.deepEqual(key?.x5c, [Buffer.from(bundle.rootsDer[0] ?? []).toString('base64')]);
  });

  it('comes back as it was, with several roots too', () => {
    const two: TrustBundle = { ...bundle, rootsDer: [...bundle.rootsDer, pki.root.der], sequence: 3 };
    assert.deepEqual(parseBundle(printBundle(two), SET), two);
  });

  it('trusts nothing when it has no keys', () => {
    assert.deepEqual(parseBundle('{"keys":[]}', SET).rootsDer, []);
  });

  it('passes over keys for other uses', () => {
    const jwt = { kty: 'EC', use: 'jwt-svid', kid: 'x', crv: 'P-256', x: 'AA', y: 'AA' };
    assert.equal(parseChanged((document) => document.keys.push(jwt)).rootsDer.length, 1);
    assert.equal(parseChanged((document) => document.keys.push({ kty: 'OKP' })).rootsDer.length, 1);
  });

  const broken: readonly (readonly [string, (document: Document, key: Record<string, unknown>) => void])[] = [
    ['no keys', (document) => Reflect.deleteProperty(document, 'keys')],
    ['keys that are no list', (document) => Object.assign(document, { keys: {} })],
    ['a key without a certificate', (_, key) => Reflect.deleteProperty(key, 'x5c')],
    ['a key with two certificates', (_, key) => Object.assign(key, { x5c: [key.x5c, key.x5c].flat() })],
    ['a certificate that is none', (_, key) => Object.assign(key, { x5c: ['AAAA'] })],
    ['a certificate that is not base64', (_, key) => Object.assign(key, { x5c: ['*'] })],
    ['a key that is not the certificate’s', (_, key) => Object.assign(key, { x: key.y })],
    ['another type of key', (_, key) => Object.assign(key, { kty: 'RSA' })],
    ['a negative sequence', (document) => Object.assign(document, { spiffe_sequence: -1 })],
    ['a sequence in words', (document) => Object.assign(document, { spiffe_sequence: '1' })],
    [
      'too many keys',
      (document, key) => Object.assign(document, { keys: Array.from({ length: 65 }, () => key) }),
    ],
  ];
  for (const [what, change] of broken) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => parseChanged(change), BundleError);
    });
  }

  it('is refused with a leaf as root', async () => {
    const leaf: TrustBundle = { ...bundle, rootsDer: [(await pki.leaf()).der] };
    assert.throws(() => parseBundle(printBundle(leaf), SET), /not an authority/);
  });

  it('is refused when it is not JSON, or huge', () => {
    assert.throws(() => parseBundle('{', SET), /not JSON/);
    assert.throws(() => parseBundle(' '.repeat(1024 * 1024 + 1), SET), /larger than 1 MiB/);
  });
});

describe('bundlesFingerprint', () => {
  it('changes with roots and trust domains, not with their order', async () => {
    const pki = await ForgedPki.create();
    const [a, b] = [pki.root.der, pki.west.der];
    const print = (...entries: (readonly [string, readonly Uint8Array[]])[]): string =>
      Buffer.from(bundlesFingerprint(new Map(entries))).toString('hex');
    assert.equal(print(['x', [a, b]], ['y', [a]]), print(['y', [a]], ['x', [b, a]]));
    const all = [
      print(),
      print(['x', []]),
      print(['x', [a]]),
      print(['x', [b]]),
      print(['x', [a, b]]),
      print(['y', [a]]),
      print(['x', [a]], ['y', [b]]),
      print(['x', [b]], ['y', [a]]),
    ];
    assert.equal(new Set(all).size, all.length);
  });

  it('takes each trust domain by itself', async () => {
    const { bundle } = await TestClusterset.create([]);
    const bundles = bundlesFor(['a.mesh.example', 'b.mesh.example'], bundle);
    assert.deepEqual([...bundles.keys()], ['a.mesh.example', 'b.mesh.example']);
    assert.equal(bundles.get('a.mesh.example'), bundle.rootsDer);
  });
});
