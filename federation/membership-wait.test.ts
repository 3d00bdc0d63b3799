import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MemberState } from '../clusters/kubernetes/membership/member-folder.ts';
import { membershipWait } from './membership-wait.ts';

const STATES: readonly (readonly [state: MemberState, kind: string, waitingFor: RegExp])[] = [
  [{ kind: 'none' }, 'waiting', /this cluster is not a member yet$/],
  [{ kind: 'unknown', problem: undefined }, 'starting', /the Kubernetes API to say .* a member$/],
  [
    { kind: 'unknown', problem: '403: forbidden' },
    'starting',
    /the Kubernetes API to say .*: 403: forbidden$/,
  ],
  [
    { kind: 'refused', reason: 'it is of east', hint: 'mend it' },
    'starting',
    /that it can take: it is of east$/,
  ],
];

describe('a federation service that has no membership', () => {
  for (const [state, kind, waitingFor] of STATES) {
    it(`says ${kind}: ${JSON.stringify(state)}`, () => {
      const said = membershipWait(state);
      assert.equal(said.kind, kind);
      assert.match(said.waitingFor, waitingFor);
      assert.notEqual(said.hint, '');
    });
  }

  it('passes on what to do about what it cannot take', () => {
    assert.equal(
      membershipWait({ kind: 'refused', reason: 'it is of east', hint: 'mend it' }).hint,
      'mend it',
    );
  });
});
