import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { UserError } from '../../federation/model/user-error.ts';
import { type JoinToken, parseToken, printToken } from './token.ts';

const GOOD: JoinToken = {
  clusterset: 'mesh.example',
  cluster: 'west',
  invitedBy: 'east',
  gateways: ['east.example:15443', '[::1]:15443'],
  rootPem: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
  inviteId: 'a'.repeat(24),
  secret: 's'.repeat(43),
  store: { kind: 'redis', urls: ['rediss://redis.example:6379'], caPem: 'PEM', cluster: true },
  storeUser: { username: 'isthmus-west', password: 'store-password' },
  expiresAtMs: 1_800_000_000_000,
};

/** A token with a body of one's own and the checksum that fits it: anybody can make one. */
function forged(content: string): string {
  const body = Buffer.from(content).toString('base64url');
  const sum = createHash('sha256').update(body).digest('base64url').slice(0, 16);
  return `isthmus1.${body}.${sum}`;
}

function refusal(text: string): UserError {
  try {
    parseToken(text);
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.exitCode, 2);
    assert.ok(error.hint !== undefined);
    return error;
  }
  assert.fail(`accepted ${text}`);
}

describe('a join token', () => {
  it('says what it was made of, also with white space around it', () => {
    assert.deepEqual(parseToken(printToken(GOOD)), GOOD);
    assert.deepEqual(parseToken(`\n  ${printToken(GOOD)}\r\n`), GOOD);
  });

  it('is one word that needs no quotes', () => {
    assert.match(printToken(GOOD), /^[A-Za-z0-9._-]+$/);
  });

  it('is refused with any one character changed, put in or left out', () => {
    const token = printToken(GOOD);
    const alphabet = 'ABCXYZabcxyz0189-_.= ';
    const place = fc.nat({ max: token.length - 1 });
    const letter = fc.constantFrom(...alphabet);
    const kind = fc.constantFrom('change', 'insert', 'drop');
    fc.assert(
      fc.property(place, letter, kind, (at, character, how) => {
        const tail = token.slice(how === 'insert' ? at : at + 1);
        const altered = `${token.slice(0, at)}${how === 'drop' ? '' : character}${tail}`;
        fc.pre(altered.trim() !== token);
        const { message } = refusal(altered);
        assert.ok(!message.includes(GOOD.secret) && !message.includes(token.slice(20, 60)));
      }),
    );
  });

  it('is refused cut short anywhere', () => {
    const token = printToken(GOOD);
    fc.assert(
      fc.property(fc.nat({ max: token.length - 1 }), (length) => void refusal(token.slice(0, length))),
    );
  });

  it('is refused whatever else it may be', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void refusal(text)));
    fc.assert(fc.property(fc.string(), (text) => void refusal(`isthmus1.${text}`)));
    assert.match(refusal(`isthmus1.${'A'.repeat(300_000)}`).message, /not a join token/);
  });

  it('with a checksum that fits is refused when its content does not', () => {
    fc.assert(fc.property(fc.json(), (content) => void refusal(forged(content))));
    fc.assert(fc.property(fc.string(), (content) => void refusal(forged(content))));
  });

  const wrong: readonly (readonly [string, object])[] = [
    ['no gateways', { gateways: [] }],
    ['more gateways than a cluster has', { gateways: Array.from({ length: 33 }, () => 'a:1') }],
    ['a secret that is too short', { secret: 'short' }],
    ['an id that leads out of its folder', { inviteId: '../../../../etc/passwd' }],
    ['a store of an unknown kind', { store: { kind: 'etcd', urls: ['redis://a'] } }],
    ['a store URL that is none of Redis', { store: { kind: 'redis', urls: ['file:///etc/passwd'] } }],
    ['a time that never comes', { expiresAtMs: 1e300 }],
    ['something more', { extra: 1 }],
  ];
  for (const [what, change] of wrong) {
    it(`with a checksum that fits is refused with ${what}`, () => {
      const { message } = refusal(forged(JSON.stringify({ ...GOOD, ...change })));
      assert.match(message, /does not hold what this version of isthmus needs/);
    });
  }
});
