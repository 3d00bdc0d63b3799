import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Redirect } from '../../../federation/model/mesh-route.ts';
import { routesOfPayments } from '../../../test/fixtures/mesh-routes.ts';
import { redirectLocation, rewritePath } from './rewrite.ts';
import { RuleSet } from './rule-set.ts';

/** HTTPPathModifier.replacePrefixMatch, the whole table. */
const TABLE: readonly (readonly [path: string, prefix: string, replacement: string, rewritten: string])[] = [
  ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
  ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
  ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'],
  ['/foo/bar', '/foo/', '/xyz/', '/xyz/bar'],
  ['/foo', '/foo', '/xyz', '/xyz'],
  ['/foo/', '/foo', '/xyz', '/xyz/'],
  ['/foo/bar', '/foo', '', '/bar'],
  ['/foo/', '/foo', '', '/'],
  ['/foo', '/foo', '', '/'],
  ['/foo/', '/foo', '/', '/'],
  ['/foo', '/foo', '/', '/'],
  ['/foo/bar?q=/foo', '/foo', '/xyz', '/xyz/bar?q=/foo'],
  ['/bar', '/', '/xyz', '/xyz/bar'],
  ['/', '/', '/xyz', '/xyz/'],
];

function matchOf(prefix: string, path: string) {
  const set = new RuleSet(
    routesOfPayments({ rules: [{ matches: [{ path: { type: 'PathPrefix', value: prefix } }] }] }),
    1,
  );
  const match = set.find(undefined, { method: 'GET', path, block: [] });
  assert.ok(typeof match !== 'string');
  return match;
}

describe('a rewritten path', () => {
  for (const [path, prefix, value, rewritten] of TABLE) {
    it(`of ${path} with ${JSON.stringify(value)} for ${prefix}`, () => {
      assert.equal(rewritePath({ kind: 'prefix', value }, matchOf(prefix, path), path), rewritten);
    });
  }

  it('is another as a whole, with the query that was there', () => {
    const full = (value: string, path: string) =>
      rewritePath({ kind: 'full', value }, matchOf('/', path), path);
    assert.equal(full('/x', '/a/b?c'), '/x?c');
    assert.equal(full('', '/a'), '/');
  });
});

describe('a redirect', () => {
  const none: Redirect = {
    scheme: undefined,
    hostname: undefined,
    path: undefined,
    port: undefined,
    statusCode: 302,
  };
  for (const [what, redirect, scheme, authority, location] of [
    ['nothing said', {}, 'http', 'a.b:8080', 'http://a.b:8080/p'],
    ['the default port', {}, 'http', 'a.b:80', 'http://a.b/p'],
    ['another scheme has its own port', { scheme: 'https' }, 'http', 'a.b:8080', 'https://a.b/p'],
    ['another port', { port: 8443 }, 'https', 'a.b', 'https://a.b:8443/p'],
    ['a port that is the default', { scheme: 'https', port: 443 }, 'http', 'a.b', 'https://a.b/p'],
    ['another host', { hostname: 'c.d' }, 'http', 'a.b:8080', 'http://c.d:8080/p'],
    ['an address', {}, 'http', '[::1]:15500', 'http://[::1]:15500/p'],
    ['an address without a port', { port: 81 }, 'http', '[::1]', 'http://[::1]:81/p'],
  ] as const) {
    it(what, () => {
      assert.equal(redirectLocation({ ...none, ...redirect }, scheme, authority, '/p'), location);
    });
  }
});
