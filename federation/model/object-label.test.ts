import assert from 'node:assert/strict';
import { it } from 'node:test';
import { LABEL_NAME } from './object-label.ts';

it('takes the names of labels that an API server takes, and no others', () => {
  const taken = ['team', 'Team_1.x', 'example.com/team', 'a--b.c/x', `${'a'.repeat(64)}.b/x`];
  const bounds = [`${'a'.repeat(253)}/x`, 'x'.repeat(63), `a/${'x'.repeat(63)}`];
  for (const name of [...taken, ...bounds]) assert.match(name, LABEL_NAME);
  const refused = [
    '',
    '/x',
    'a/',
    'a/b/c',
    'A/x',
    'a..b/x',
    'a.-b/x',
    'a-.b/x',
    '.a/x',
    'a./x',
    '-a/x',
    'a-/x',
  ];
  const tooLong = [`${'a'.repeat(254)}/x`, 'x'.repeat(64), `a/${'x'.repeat(64)}`];
  for (const name of [...refused, ...tooLong]) assert.doesNotMatch(name, LABEL_NAME);
});
