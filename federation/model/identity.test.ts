import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  clusterTrustDomain,
  federationId,
  gatewayDnsName,
  gatewayId,
  IdentityError,
  parseSpiffeId,
  parseTrustDomain,
  workloadId,
} from './identity.ts';

const goodTrustDomains = ['a', 'west.mesh.example', 'a-b_c.d', '127.0.0.1', '.', 'x'.repeat(255)];
const badTrustDomains = [
  ['', 'empty'],
  ['x'.repeat(256), 'longer than 255'],
  ['West', 'characters'],
  ['a:443', 'characters'],
  ['user@a', 'characters'],
  ['a/b', 'characters'],
  ['a%20', 'characters'],
  ['ä', 'characters'],
  ['[::1]', 'characters'],
  ['a\0', 'characters'],
  ['a\n', 'characters'],
] as const;

describe('parseTrustDomain', () => {
  for (const text of goodTrustDomains) {
    it(`takes ${JSON.stringify(text.slice(0, 20))}`, () => assert.equal(parseTrustDomain(text), text));
  }
  for (const [text, reason] of badTrustDomains) {
    it(`refuses ${JSON.stringify(text.slice(0, 20))}: ${reason}`, () => {
      assert.throws(() => parseTrustDomain(text), isIdentityError(reason));
    });
  }
});

const badIds = [
  ['', 'does not begin'],
  ['spiffe:/a/b', 'does not begin'],
  ['Spiffe://a/b', 'does not begin'],
  [' spiffe://a/b', 'does not begin'],
  ['https://a/b', 'does not begin'],
  ['spiffe://a', 'no path'],
  ['spiffe://', 'no path'],
  ['spiffe:///b', 'empty'],
  ['spiffe://a/', 'empty path segment'],
  ['spiffe://a/b/', 'empty path segment'],
  ['spiffe://a//b', 'empty path segment'],
  ['spiffe://a/.', 'relative'],
  ['spiffe://a/../b', 'relative'],
  ['spiffe://a/b?c', 'path character'],
  ['spiffe://a/b#c', 'path character'],
  ['spiffe://a?b/c', 'characters'],
  ['spiffe://a#b/c', 'characters'],
  ['spiffe://a/%62', 'path character'],
  ['spiffe://a/b c', 'path character'],
  ['spiffe://a/ü', 'path character'],
  ['spiffe://a/b\n', 'path character'],
  ['spiffe://a\\b/c', 'characters'],
  ['spiffe://u@a/b', 'characters'],
  ['spiffe://a:1/b', 'characters'],
  ['spiffe://A/b', 'characters'],
  [`spiffe://a/${'b'.repeat(2038)}`, '2048'],
] as const;

describe('parseSpiffeId', () => {
  it('takes an ID apart', () => {
    const text = 'spiffe://west.mesh.example/ns/shop/sa/cart';
    assert.deepEqual(parseSpiffeId(text), {
      text,
      trustDomain: 'west.mesh.example',
      path: '/ns/shop/sa/cart',
    });
  });

  it('takes 2048 bytes, upper case and dots within path segments', () => {
    for (const path of ['b'.repeat(2037), 'A.b-c_D', '...', '.a', 'a..b']) {
      assert.equal(parseSpiffeId(`spiffe://a/${path}`).path, `/${path}`);
    }
  });

  for (const [text, reason] of badIds) {
    it(`refuses ${JSON.stringify(text.slice(0, 30))}: ${reason}`, () => {
      assert.throws(() => parseSpiffeId(text), isIdentityError(reason));
    });
  }

  it('parses any text or throws IdentityError, and repairs nothing', () => {
    const pieces = fc.constantFrom(
      'spiffe://',
      'a',
      'Z',
      '.',
      '..',
      '/',
      ':',
      '@',
      '%',
      '?',
      '#',
      '\\',
      '\0',
      'é',
      '-',
      '_',
    );
    const texts = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const id = parsedOrUndefined(text);
        if (id === undefined) return;
        assert.equal(id.text, text);
        assert.equal(`spiffe://${id.trustDomain}${id.path}`, text);
        assert.match(text, /^spiffe:\/\/[a-z0-9._-]+(\/[a-zA-Z0-9._-]+)+$/);
      }),
      { numRuns: 2000 },
    );
  });

  it('takes every ID of the grammar', () => {
    const segment = fc.stringMatching(/^[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,20}$/);
    const trustDomain = fc.stringMatching(/^[a-z0-9._-]{1,60}$/);
    fc.assert(
      fc.property(trustDomain, fc.array(segment, { minLength: 1, maxLength: 8 }), (domain, segments) => {
        const id = parseSpiffeId(`spiffe://${domain}/${segments.join('/')}`);
        assert.equal(id.trustDomain, domain);
      }),
    );
  });
});

describe('names of our own', () => {
  it('follow the conventions', () => {
    const west = clusterTrustDomain('west', 'mesh.example');
    assert.equal(west, 'west.mesh.example');
    assert.equal(gatewayId(west).text, 'spiffe://west.mesh.example/isthmus/gateway');
    assert.equal(federationId(west).text, 'spiffe://west.mesh.example/isthmus/federation');
    assert.equal(workloadId(west, 'shop', 'cart').text, 'spiffe://west.mesh.example/ns/shop/sa/cart');
    assert.equal(gatewayDnsName(west), 'gateway.west.mesh.example');
  });

  it('do not let a name step out of its place', () => {
    assert.throws(() => workloadId('west.mesh.example', '..', 'cart'), IdentityError);
    assert.throws(() => workloadId('west.mesh.example', '', 'cart'), IdentityError);
    assert.throws(() => workloadId('west.mesh.example', 'shop/sa/admin', 'cart'), IdentityError);
    assert.throws(() => workloadId('west.mesh.example', 'shop', 'cart/x'), IdentityError);
    assert.throws(() => clusterTrustDomain('west/x', 'mesh.example'), IdentityError);
  });
});

function parsedOrUndefined(text: string): ReturnType<typeof parseSpiffeId> | undefined {
  try {
    return parseSpiffeId(text);
  } catch (error) {
    assert.ok(error instanceof IdentityError, String(error));
    return undefined;
  }
}

function isIdentityError(reason: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof IdentityError, String(error));
    assert.ok(error.message.includes(reason), error.message);
    return true;
  };
}
