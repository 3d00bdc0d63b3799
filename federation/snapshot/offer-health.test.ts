import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LocalityHosts } from '../model/service.ts';
import { nextOfferHealth, type OfferHealth, shownHealth, UNPROVEN } from './offer-health.ts';

const NOW = 1_000_000;

function hosts(total: number, healthy: number, changes: Partial<LocalityHosts> = {}): LocalityHosts[] {
  const locality = { region: 'eu', zone: 'a' };
  return [{ locality, hosts: total, healthy, degraded: 0, excluded: 0, weight: total, ...changes }];
}

const STEADY: OfferHealth = { kind: 'steady' };
const FAILING: OfferHealth = { kind: 'failing', sinceMs: NOW - 100 };

describe("a cluster's hosts of one service", () => {
  const cases: readonly (readonly [string, OfferHealth, LocalityHosts[], OfferHealth])[] = [
    ['were never seen healthy: no loss', UNPROVEN, hosts(3, 0), UNPROVEN],
    ['are healthy for the first time: no return', UNPROVEN, hosts(3, 1), STEADY],
    ['all fail', STEADY, hosts(3, 0), { kind: 'failing', sinceMs: NOW }],
    ['all go away', STEADY, hosts(0, 0), { kind: 'failing', sinceMs: NOW }],
    ['are degraded: they still answer', STEADY, hosts(3, 0, { degraded: 1 }), STEADY],
    ['wait for their first check: nothing is known', STEADY, hosts(3, 0, { excluded: 3 }), STEADY],
    ['stay failed since then', FAILING, hosts(3, 0), FAILING],
    ['are too few to be back', FAILING, hosts(10, 6), FAILING],
    ['are enough to be back', FAILING, hosts(10, 7), { kind: 'returning', healthySinceMs: NOW }],
    [
      'are enough of those that were checked',
      FAILING,
      hosts(10, 4, { excluded: 5 }),
      { kind: 'returning', healthySinceMs: NOW },
    ],
    [
      'fail again while they return',
      { kind: 'returning', healthySinceMs: NOW - 5 },
      hosts(3, 0),
      { kind: 'failing', sinceMs: NOW },
    ],
  ];
  for (const [what, before, localities, after] of cases) {
    it(what, () => assert.deepEqual(nextOfferHealth(before, localities, 70, NOW), after));
  }

  it('return later than they failed, also when the clock was set back', () => {
    const ahead: OfferHealth = { kind: 'failing', sinceMs: NOW + 50 };
    assert.deepEqual(nextOfferHealth(ahead, hosts(1, 1), 70, NOW), {
      kind: 'returning',
      healthySinceMs: NOW + 51,
    });
  });

  it('are shown as steady as long as nothing was lost', () => {
    assert.deepEqual(shownHealth(UNPROVEN), { kind: 'steady' });
  });
});
