import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Locality } from '../model/cluster.ts';
import { DEFAULT_FAILOVER_POLICY, type FailoverPolicy } from '../model/policy.ts';
import { type ExplanationContext, explainPlan } from './explain.ts';
import { planFailover } from './plan.ts';
import { durationText, selectorText } from './sentences.ts';
import type { Standing } from './standing.ts';
import type { Candidate } from './tier-groups.ts';

const NOW_MS = 1_700_000_000_000;
const EU_A: Locality = { region: 'eu', zone: 'eu-a' };
const EU_B: Locality = { region: 'eu', zone: 'eu-b' };
const CONTEXT: ExplanationContext = {
  target: 'shop/payments:http',
  nowMs: NOW_MS,
  cluster: 'east',
  supposed: { down: [], from: undefined },
  peers: new Map([
    [
      'west',
      { reach: 'synced', lastSeenMs: NOW_MS - 2000, offerChangedAtMs: NOW_MS - 60_000, trunk: 'answers' },
    ],
  ]),
};
const STEADY: Standing = {
  kind: 'counted',
  sharePercent: 100,
  phase: { kind: 'steady' },
  changesAtMs: Number.POSITIVE_INFINITY,
};
const STEPPING: Standing = {
  kind: 'counted',
  sharePercent: 25,
  phase: {
    kind: 'stepping',
    healthySinceMs: NOW_MS - 45_000,
    step: 2,
    steps: 4,
    nextAtMs: NOW_MS + 5000,
  },
  changesAtMs: NOW_MS + 5000,
};

function candidate(
  cluster: string,
  standing: Standing,
  at: Locality,
  hosts: number,
  healthy: number,
): Candidate {
  const localities = [{ locality: at, hosts, healthy, degraded: 0, excluded: 0, weight: hosts }];
  return { cluster, local: cluster === 'east', localities, standing };
}

function explained(candidates: readonly Candidate[], policy: FailoverPolicy = DEFAULT_FAILOVER_POLICY) {
  return explainPlan(planFailover({ policy, source: EU_A, candidates }), CONTEXT);
}

describe('explanation', () => {
  const made = explained([candidate('east', STEPPING, EU_A, 4, 4), candidate('west', STEADY, EU_B, 3, 2)]);

  it('has the shares, and the sentences that lead to them', () => {
    assert.deepEqual(made.shares, [
      { cluster: 'west', percent: 75 },
      { cluster: 'east', percent: 25 },
    ]);
    assert.deepEqual(made.decision, [
      'Tier 1 takes 25 %: 4 of 4 hosts healthy, times 1.4 = 100 %, capped at 25 %.',
      'Tier 2 takes 75 %: 2 of 3 hosts healthy, times 1.4 = 93 %; the tiers before it leave 75 %.',
    ]);
    assert.equal(made.failoverActive, true);
    assert.equal(made.changesAtMs, NOW_MS + 5000);
  });

  it('has each cluster’s standing and ages', () => {
    const [east, west] = made.clusters;
    assert.equal(east?.reason, '25 % of its share: step 2 of 4, the next in 5 s');
    assert.equal(east?.offerAgeMs, null);
    assert.equal(west?.offerAgeMs, 60_000);
    assert.equal(west?.lastSeenAgeMs, 2000);
    assert.equal(west?.standing, 'steady');
  });

  it('has each tier’s numbers', () => {
    const [first, second, third] = made.tiers;
    assert.deepEqual(
      [first?.capPercent, first?.healthyPercent, first?.loadPercent, first?.maxConcurrent],
      [25, 25, 25, null],
    );
    assert.deepEqual(
      [second?.capPercent, second?.healthyPercent, second?.loadPercent, second?.maxConcurrent],
      [100, 93, 75, null],
    );
    assert.equal(second?.groups[0]?.finalPercent, 75);
    assert.deepEqual([third?.hosts, third?.panic], [0, false]);
  });

  it('has each tier’s bounds', () => {
    const [tier] = DEFAULT_FAILOVER_POLICY.tiers;
    assert.ok(tier !== undefined);
    const policy = { ...DEFAULT_FAILOVER_POLICY, tiers: [{ ...tier, maxShare: 0.29, maxConcurrent: 8 }] };
    const [bounded] = explained([candidate('east', STEADY, EU_A, 4, 4)], policy).tiers;
    assert.deepEqual([bounded?.maxSharePercent, bounded?.capPercent, bounded?.maxConcurrent], [29, 29, 8]);
  });

  it('is plain JSON', () => {
    assert.deepEqual(JSON.parse(JSON.stringify(made)), made);
  });

  it('says why nothing is served', () => {
    assert.deepEqual(explained([]).decision, [
      'No cluster that counts has a host for it: requests are answered with 503.',
    ]);
    const never = { ...DEFAULT_FAILOVER_POLICY, panicThresholdPercent: 0 };
    assert.deepEqual(explained([candidate('west', STEADY, EU_B, 3, 0)], never).decision, [
      'None of 3 hosts is fit, and the policy never panics: requests are answered with 503.',
    ]);
  });

  it('says when health or caps are not looked at', () => {
    assert.match(
      explained([candidate('west', STEADY, EU_B, 3, 0)]).decision[0] ?? '',
      /All tiers are in panic/,
    );
    const held: Standing = {
      ...STEADY,
      sharePercent: 0,
      phase: { kind: 'held-down', healthySinceMs: NOW_MS, untilMs: NOW_MS + 30_000 },
    };
    const alone = explained([candidate('west', held, EU_B, 3, 3)]);
    assert.match(alone.decision[0] ?? '', /caps alone would leave nothing/);
    assert.equal(alone.clusters[0]?.reason, 'held down for another 30 s');
  });

  it('says what a drain does, and where it leaves requests for want of others', () => {
    const sinceMs = NOW_MS - 150_000;
    const phase = { kind: 'draining' as const, by: 'itself' as const, sinceMs, untilMs: sinceMs + 600_000 };
    const draining: Standing = { ...STEADY, sharePercent: 75, phase };
    const drained: Standing = {
      ...STEADY,
      sharePercent: 0,
      phase: { kind: 'drained', by: 'here', sinceMs: NOW_MS - 5_000 },
    };
    const toCome: Standing = { ...STEADY, phase: { ...phase, sinceMs: NOW_MS + 60_000 } };
    const reason = (standing: Standing) =>
      explained([candidate('east', STEADY, EU_A, 4, 4), candidate('west', standing, EU_A, 4, 4)]).clusters[1];
    assert.equal(
      reason(draining)?.reason,
      '75 % of its share: it drains itself, nothing is left in 7 m 30 s',
    );
    assert.equal(reason(drained)?.reason, 'no share: it is drained here, nothing is left since 5 s');
    assert.equal(reason(toCome)?.reason, 'full share: it drains itself from in 1 m on');
    assert.deepEqual([reason(drained)?.standing, reason(draining)?.standing], ['drained', 'draining']);
    for (const standing of [draining, drained]) {
      const alone = explained([
        candidate('east', STEADY, EU_A, 4, 0),
        candidate('west', standing, EU_B, 4, 4),
      ]);
      assert.match(
        alone.decision[0] ?? '',
        /^west is drained, and keeps all requests all the same: no other cluster has a host that could/,
      );
    }
    const others = explained([
      candidate('east', STEADY, EU_A, 4, 4),
      candidate('west', draining, EU_B, 4, 4),
    ]);
    assert.ok(others.decision.every((sentence) => !sentence.includes('drained')));
  });

  it('says what is below what it could be for want of hosts', () => {
    const weak = explained([candidate('east', STEADY, EU_A, 5, 3), candidate('west', STEADY, EU_B, 100, 1)]);
    assert.deepEqual(weak.decision, [
      'Tier 1 takes 99 %: 3 of 5 hosts healthy, times 1.4 = 84 %; all tiers together have 85 %.',
      'Tier 2 takes 1 %: 1 of 100 hosts healthy, times 1.4 = 1 %. It is in panic: all its hosts are used.',
    ]);
  });
});

describe('words', () => {
  it('for durations have the two biggest units', () => {
    const expected: readonly [number, string][] = [
      [-5, '0 ms'],
      [999, '999 ms'],
      [1000, '1 s'],
      [59_700, '1 m'],
      [125_000, '2 m 5 s'],
      [3_600_000, '1 h'],
      [90_061_000, '1 d 1 h'],
    ];
    for (const [ms, text] of expected) assert.equal(durationText(ms), text);
  });

  it('for selectors say what a tier takes', () => {
    assert.equal(selectorText({ kind: 'region', region: 'us', zone: undefined }), 'region us');
    assert.equal(selectorText({ kind: 'region', region: 'us', zone: 'us-a' }), 'zone us/us-a');
    assert.equal(
      selectorText({ kind: 'clusters', clusters: [{ cluster: 'west', weight: 70 }] }),
      'west (weight 70)',
    );
  });
});
