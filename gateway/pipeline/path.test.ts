import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { normalisePath } from './path.ts';

const forms: readonly (readonly [string, string | undefined])[] = [
  ['/', '/'],
  ['*', '*'],
  ['/a/b?x=//..%2f', '/a/b?x=//..%2f'],
  ['/a//b', '/a/b'],
  ['//a', '/a'],
  ['/a%2fb', '/a/b'],
  ['/a%2Fb', '/a/b'],
  ['/a%5cb', '/a/b'],
  ['/a\\b', '/a/b'],
  ['/a/../b', '/b'],
  ['/a/./b', '/a/b'],
  ['/a/..', '/'],
  ['/a/b/..', '/a/'],
  ['/a/b/.', '/a/b/'],
  ['/a/%2e%2e/b', '/b'],
  ['/a/.%2E/b', '/b'],
  ['/%61dmin', '/admin'],
  ['/a%20b', '/a%20b'],
  ['/a%c3%a4', '/a%C3%A4'],
  ['/a%252fb', '/a%252fb'],
  ['/.well-known/x', '/.well-known/x'],
  ['/a/...', '/a/...'],
  ['/a/', '/a/'],
  ['/..', undefined],
  ['/a/../../b', undefined],
  ['/a%', undefined],
  ['/a%zz', undefined],
  ['/a%2', undefined],
  ['/a%00', undefined],
  ['/a#b', undefined],
  ['/a?b#c', undefined],
  ['a', undefined],
  ['', undefined],
  ['http://x/', undefined],
];

for (const [path, normal] of forms) {
  test(`${JSON.stringify(path)} → ${JSON.stringify(normal)}`, () => {
    assert.equal(normalisePath(path), normal);
  });
}

test('a normal form is its own normal form and hides nothing', () => {
  const piece = fc.constantFrom(
    '/',
    '\\',
    '.',
    '%',
    '2',
    'f',
    'F',
    'e',
    '5',
    'c',
    'a',
    '?',
    '%2f',
    '%2e',
    '%25',
    '..',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 16 }), (pieces) => {
      const normal = normalisePath(`/${pieces.join('')}`);
      if (normal === undefined) return;
      assert.equal(normalisePath(normal), normal);
      const path = normal.split('?')[0] ?? '';
      assert.ok(!path.includes('//') && !path.includes('\\') && !/%2f|%5c|%2e/i.test(path));
      assert.ok(!path.split('/').some((segment) => segment === '.' || segment === '..'));
    }),
  );
});
