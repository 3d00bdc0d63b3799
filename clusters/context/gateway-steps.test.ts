import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UserError } from '../../federation/model/user-error.ts';
import type { GatewayAnswer } from './gateway-sight.ts';
import { judgeGateways, type Published } from './gateway-steps.ts';

const ANSWER: GatewayAnswer = {
  ready: true,
  control: { kind: 'connected' },
  workers: [1, 2],
  snapshot: { epoch: 7, version: 3, services: 1 },
  svid: { expiresInSeconds: 3_600 },
  peers: [{ cluster: 'west', trunk: { up: true, sinceMs: 0, rttSeconds: 0.002 } }],
};
const PUBLISHED: Published = {
  snapshot: { epoch: 7, version: 3 },
  peers: [{ cluster: 'west', reach: 'synced' }],
};

function states(change: Partial<GatewayAnswer>, published: Published | undefined = PUBLISHED) {
  const steps = judgeGateways(
    [{ pod: 'gw', answer: { kind: 'answered', value: { ...ANSWER, ...change } } }],
    published,
  );
  return Object.fromEntries(steps.map(({ name, state }) => [name, state]));
}

describe('what gateways say', () => {
  it('is well when there are a certificate, a trunk and the newest snapshot', () => {
    assert.deepEqual(states({}), {
      'gateway gw': 'ok',
      'trunk of gw to west': 'ok',
      'propagation to gw': 'ok',
    });
  });

  const ill: readonly (readonly [string, Partial<GatewayAnswer>, string])[] = [
    ['a gateway that is not ready', { ready: false }, 'gateway gw'],
    ['one whose control plane is away', { control: { kind: 'away' } }, 'gateway gw'],
    ['one without a certificate', { svid: undefined }, 'gateway gw'],
    ['a trunk that is not there yet', { peers: [{ cluster: 'west', trunk: null }] }, 'trunk of gw to west'],
    ['a snapshot that is behind', { snapshot: { epoch: 7, version: 2, services: 1 } }, 'propagation to gw'],
  ];
  for (const [what, change, name] of ill) {
    it(`finds ${what}`, () => assert.equal(states(change)[name], 'failed'));
  }

  it('wants no trunk to a cluster that left, and counts replicas for themselves', () => {
    const left = { ...PUBLISHED, peers: [{ cluster: 'west', reach: 'left' }] };
    assert.equal(
      states({ peers: [{ cluster: 'west', trunk: null }] }, left)['trunk of gw to west'],
      undefined,
    );
    assert.equal(states({ snapshot: { epoch: 9, version: 1, services: 1 } })['propagation to gw'], 'ok');
  });

  it('tells which one does not answer', () => {
    const error = new UserError('cannot be asked', { hint: 'restart it' });
    const steps = judgeGateways([{ pod: 'gw', answer: { kind: 'failed', error } }], PUBLISHED);
    assert.deepEqual(steps, [
      { name: 'gateway gw', state: 'failed', detail: 'cannot be asked', cure: 'restart it' },
    ]);
  });
});
