import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_OUTLIER } from '../../federation/model/policy.ts';
import type { Ejection } from './endpoint-runtime.ts';
import { decideEjections, type OutlierFacts } from './outlier.ts';

const NOW_MS = 1_000_000;
const FINE: OutlierFacts = { consecutiveFailures: 0, ejection: { kind: 'in', count: 0 } };

function failing(count = 0): OutlierFacts {
  return { consecutiveFailures: 5, ejection: { kind: 'in', count } };
}

function out(untilMs: number, count = 1): OutlierFacts {
  return { consecutiveFailures: 5, ejection: { kind: 'ejected', count, untilMs } };
}

describe('ejection', () => {
  it('lasts the base time as often as it has happened, up to the bound', () => {
    const untilOf = (count: number) => {
      const [change] = decideEjections(NOW_MS, [failing(count)], DEFAULT_OUTLIER, false);
      return change?.ejection;
    };
    assert.deepEqual(untilOf(0), { kind: 'ejected', count: 1, untilMs: NOW_MS + 30_000 });
    assert.deepEqual(untilOf(2), { kind: 'ejected', count: 3, untilMs: NOW_MS + 90_000 });
    assert.deepEqual(untilOf(50), { kind: 'ejected', count: 51, untilMs: NOW_MS + 300_000 });
  });

  it('does not happen below the limit, nor with a limit of 0', () => {
    const four: OutlierFacts = { ...FINE, consecutiveFailures: 4 };
    assert.deepEqual(decideEjections(NOW_MS, [four], DEFAULT_OUTLIER, true), []);
    const off = { ...DEFAULT_OUTLIER, consecutiveFailures: 0 };
    assert.deepEqual(decideEjections(NOW_MS, [FINE, failing()], off, true), []);
  });

  it('may always put one out, and no more than the percentage', () => {
    assert.equal(decideEjections(NOW_MS, [failing(), failing()], DEFAULT_OUTLIER, true).length, 1);
    const twenty = Array.from({ length: 20 }, () => failing());
    assert.equal(decideEjections(NOW_MS, twenty, DEFAULT_OUTLIER, true).length, 2);
    assert.equal(decideEjections(NOW_MS, [out(NOW_MS + 1), failing()], DEFAULT_OUTLIER, true).length, 0);
  });

  it('ends when its time has come, which makes room for another', () => {
    assert.deepEqual(decideEjections(NOW_MS, [out(NOW_MS), failing()], DEFAULT_OUTLIER, true), [
      { index: 0, ejection: { kind: 'in', count: 1 } },
      { index: 1, ejection: { kind: 'ejected', count: 1, untilMs: NOW_MS + 30_000 } },
    ]);
  });

  it('is forgotten step by step by the sweeps that find an endpoint well', () => {
    const recovered: OutlierFacts = { consecutiveFailures: 0, ejection: { kind: 'in', count: 2 } };
    assert.deepEqual(decideEjections(NOW_MS, [recovered], DEFAULT_OUTLIER, true), [
      { index: 0, ejection: { kind: 'in', count: 1 } },
    ]);
    assert.deepEqual(decideEjections(NOW_MS, [recovered], DEFAULT_OUTLIER, false), []);
  });

  it('never has more out than allowed, whatever there is', () => {
    const ejection: fc.Arbitrary<Ejection> = fc.oneof(
      fc.record({ kind: fc.constant('in' as const), count: fc.nat(5) }),
      fc.record({ kind: fc.constant('ejected' as const), count: fc.nat(5), untilMs: fc.nat(2 * NOW_MS) }),
    );
    const facts = fc.record({ consecutiveFailures: fc.nat(9), ejection });
    fc.assert(
      fc.property(fc.array(facts), fc.nat(100), fc.boolean(), (endpoints, maxEjectionPercent, sweep) => {
        const policy = { ...DEFAULT_OUTLIER, maxEjectionPercent };
        const after = endpoints.map((entry) => entry.ejection);
        const outBefore = after.filter((state) => state.kind === 'ejected' && state.untilMs > NOW_MS).length;
        for (const change of decideEjections(NOW_MS, endpoints, policy, sweep)) {
          after[change.index] = change.ejection;
        }
        const outAfter = after.filter((state) => state.kind === 'ejected').length;
        const allowed = Math.max(1, Math.floor((endpoints.length * maxEjectionPercent) / 100));
        assert.ok(outAfter <= Math.max(outBefore, allowed));
      }),
    );
  });
});
