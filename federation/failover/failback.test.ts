import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_FAILBACK, type FailbackPolicy } from '../model/policy.ts';
import { failbackShare, smallerShare } from './failback.ts';

const SINCE_MS = 1_700_000_000_000;
const POLICY: FailbackPolicy = { ...DEFAULT_FAILBACK, holdDownMs: 30_000, intervalMs: 10_000 };

function shareAfter(elapsedMs: number, policy = POLICY) {
  return failbackShare({ kind: 'returning', healthySinceMs: SINCE_MS }, policy, SINCE_MS + elapsedMs);
}

describe('failback share', () => {
  it('is whole for what was never seen failing, and none for what fails', () => {
    assert.equal(failbackShare({ kind: 'steady' }, POLICY, SINCE_MS).percent, 100);
    assert.deepEqual(failbackShare({ kind: 'failing', sinceMs: SINCE_MS }, POLICY, SINCE_MS + 1), {
      percent: 0,
      phase: { kind: 'failing', sinceMs: SINCE_MS },
      changesAtMs: Number.POSITIVE_INFINITY,
    });
  });

  const steps: readonly [number, number, string, number][] = [
    [-5_000, 0, 'held-down', 30_000],
    [0, 0, 'held-down', 30_000],
    [29_999, 0, 'held-down', 30_000],
    [30_000, 10, 'stepping', 40_000],
    [39_999, 10, 'stepping', 40_000],
    [40_000, 25, 'stepping', 50_000],
    [50_000, 50, 'stepping', 60_000],
    [59_999, 50, 'stepping', 60_000],
    [60_000, 100, 'returned', Number.POSITIVE_INFINITY],
    [9_000_000, 100, 'returned', Number.POSITIVE_INFINITY],
  ];
  for (const [elapsedMs, percent, phase, changesMs] of steps) {
    it(`after ${elapsedMs} ms is ${percent} % (${phase})`, () => {
      const share = shareAfter(elapsedMs);
      assert.equal(share.percent, percent);
      assert.equal(share.phase.kind, phase);
      assert.equal(share.changesAtMs, SINCE_MS + changesMs);
    });
  }

  it('comes back at once without hold-down and steps', () => {
    assert.equal(shareAfter(0, { ...POLICY, holdDownMs: 0, steps: [100] }).percent, 100);
    assert.equal(shareAfter(0, { ...POLICY, holdDownMs: 0, intervalMs: 0 }).percent, 100);
  });

  it('never falls while time goes on, and holds exactly until the time that it tells', () => {
    const policies = fc.record({
      holdDownMs: fc.nat(50_000),
      minHealthyPercent: fc.constant(70),
      steps: fc
        .uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 6 })
        .map((list) => [...list.sort((a, b) => a - b), 100]),
      intervalMs: fc.integer({ min: 1, max: 20_000 }),
    });
    fc.assert(
      fc.property(policies, fc.nat(200_000), fc.nat(200_000), (policy, first, second) => {
        const [early, late] = [Math.min(first, second), Math.max(first, second)];
        const before = shareAfter(early, policy);
        const after = shareAfter(late, policy);
        assert.ok(after.percent >= before.percent);
        if (SINCE_MS + late < before.changesAtMs) assert.deepEqual(after, before);
        if (Number.isFinite(before.changesAtMs)) {
          assert.ok(shareAfter(before.changesAtMs - SINCE_MS, policy).percent > before.percent);
        }
      }),
    );
  });
});

describe('the smaller of two shares', () => {
  it('limits, and either may be the next to change', () => {
    const cluster = shareAfter(30_000);
    const service = shareAfter(55_000);
    const both = smallerShare(service, cluster);
    assert.equal(both.percent, 10);
    assert.equal(both.phase, cluster.phase);
    assert.equal(both.changesAtMs, SINCE_MS + 40_000);
    assert.equal(smallerShare(cluster, service).changesAtMs, SINCE_MS + 40_000);
  });
});
