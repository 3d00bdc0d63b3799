import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type MembershipWord, waitOf } from './waiting-room.ts';

const WORDS: readonly (readonly [word: MembershipWord, ready: boolean, reason: RegExp])[] = [
  [{ kind: 'none' }, true, /not a member .* yet: isthmus cluster register/],
  [{ kind: 'unknown', problem: undefined }, false, /has not said yet whether this cluster is a member$/],
  [{ kind: 'unknown', problem: '403: forbidden' }, false, /has not said yet .*: 403: forbidden$/],
  [{ kind: 'refused', reason: 'it is of cluster east' }, false, /^it is of cluster east$/],
];

describe('a gateway that has no membership', () => {
  for (const [word, ready, reason] of WORDS) {
    it(`is ${ready ? '' : 'not '}ready: ${JSON.stringify(word)}`, () => {
      const wait = waitOf(word);
      assert.equal(wait.ready, ready);
      assert.match(wait.reason, reason);
    });
  }
});
