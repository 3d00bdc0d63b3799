import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { HashSource } from '../../federation/model/traffic-policy.ts';
import type { ConnectionContext } from '../listener/connection-context.ts';
import { hashOfKey } from '../routing/balancing/hash-table.ts';
import { hashOfRequest, hashText, parseHash } from './request-hash.ts';

const SESSION: HashSource = { kind: 'cookie', name: 'session', path: '/', ttlMs: undefined };

function requestOf(fields: readonly string[], changes: Partial<ConnectionContext> = {}) {
  const context: ConnectionContext = {
    origin: 'client',
    caller: undefined,
    peerCluster: undefined,
    listenPort: undefined,
    serverName: undefined,
    remoteAddress: '10.0.0.1:4711',
    ...changes,
  };
  return { block: [':method', 'GET', ...fields], context, newCookie: undefined as string | undefined };
}

function hashOf(source: HashSource, fields: readonly string[], changes: Partial<ConnectionContext> = {}) {
  return hashOfRequest(requestOf(fields, changes), source, () => 0.5);
}

describe('the hash of a request', () => {
  it('is that of the header, the first of its name', () => {
    const source = { kind: 'header', name: 'x-user' } as const;
    assert.equal(hashOf(source, ['x-user', 'ann', 'x-user', 'bob']), hashOfKey('ann'));
    assert.equal(hashOf(source, ['x-users', 'ann']), undefined);
    assert.equal(hashOf(source, ['x-other', 'x-user']), undefined, 'a value is no name');
    assert.equal(hashOf(source, ['x-user', '']), undefined);
  });

  const cookies: readonly (readonly [string, string | undefined])[] = [
    ['session=ann', 'ann'],
    ['a=b; session=ann', 'ann'],
    ['a=b;session=ann;c=d', 'ann'],
    ['session="ann"', 'ann'],
    ['session=ann ; c=d', 'ann'],
    ['session=a=b', 'a=b'],
    ['xsession=no; session=ann', 'ann'],
    ['a=session=no', undefined],
    ['sessions=no', undefined],
    ['Session=no', undefined],
    ['session', undefined],
    ['session=', undefined],
    ['session=""', undefined],
    ['session="', '"'],
    ['', undefined],
    [';; ;', undefined],
    ['session=first; session=second', 'first'],
  ];
  for (const [text, value] of cookies) {
    it(`of the cookies ${JSON.stringify(text)} is that of ${value}`, () => {
      assert.equal(hashOf(SESSION, ['cookie', text]), value === undefined ? undefined : hashOfKey(value));
    });
  }

  it('finds the cookie in any field', () => {
    assert.equal(hashOf(SESSION, ['cookie', 'a=b', 'cookie', 'session=ann']), hashOfKey('ann'));
  });

  it('of a cookie is found in whatever stands around it', () => {
    const word = fc.stringMatching(/^[a-z=" ]{0,12}$/).filter((text) => !text.trim().startsWith('session='));
    const value = fc.stringMatching(/^[a-zA-Z0-9=]{1,20}$/);
    fc.assert(
      fc.property(fc.array(word), value, fc.array(word), (before, own, after) => {
        const text = [...before, `session=${own}`, ...after].join('; ');
        assert.equal(hashOf(SESSION, ['cookie', text]), hashOfKey(own));
      }),
    );
  });

  it('gives a client without the cookie one where the policy says how long it lives', () => {
    const request = requestOf([]);
    const hash = hashOfRequest(request, { ...SESSION, path: '/shop', ttlMs: 90_500 }, () => 0.5);
    assert.equal(request.newCookie, 'session=8000000080000000; Max-Age=91; Path=/shop; HttpOnly');
    assert.equal(hash, hashOfKey('8000000080000000'));
    hashOfRequest(request, { ...SESSION, ttlMs: 0 }, () => 0);
    assert.equal(request.newCookie, 'session=0000000000000000; Path=/; HttpOnly');
  });

  it('gives no cookie over a trunk, where the other gateway decides, nor where there is one', () => {
    const cookie: HashSource = { ...SESSION, ttlMs: 1000 };
    for (const request of [requestOf([], { origin: 'trunk' }), requestOf(['cookie', 'session=ann'])]) {
      hashOfRequest(request, cookie, () => 0.5);
      assert.equal(request.newCookie, undefined);
    }
  });

  it('is that of the client, not of its connection, and not of a gateway', () => {
    const source = { kind: 'source-address' } as const;
    const at = (remoteAddress: string) => hashOf(source, [], { remoteAddress });
    assert.equal(at('10.0.0.1:4711'), hashOfKey('10.0.0.1'));
    assert.equal(at('10.0.0.1:9'), hashOfKey('10.0.0.1'));
    assert.equal(at('[::ffff:10.0.0.1]:9'), hashOfKey('10.0.0.1'));
    assert.equal(at('[fd00::1]:9'), hashOfKey('fd00::1'));
    assert.equal(hashOf(source, [], { origin: 'trunk' }), undefined);
  });
});

describe('a hash on a trunk', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (hash) => {
        assert.equal(parseHash(hashText(hash)), hash);
      }),
    );
  });

  for (const text of [
    '',
    '1',
    '0123456',
    '012345678',
    '0123456G',
    '0123456F',
    '-1234567',
    '0x123456',
    ' 1234567',
  ]) {
    it(`is not ${JSON.stringify(text)}`, () => {
      assert.equal(parseHash(text), undefined);
    });
  }
});
