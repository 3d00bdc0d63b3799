import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Drain } from '../model/drain.ts';
import { DEFAULT_FAILBACK, DEFAULT_FAILOVER_POLICY } from '../model/policy.ts';
import { drainPercent, drainShare, nextDrain } from './drain.ts';
import { clusterShares, planFailover } from './plan.ts';
import { localStanding, type PeerFacts, peerStanding, type Standing } from './standing.ts';
import type { Candidate } from './tier-groups.ts';

const SINCE_MS = 1_700_000_000_000;
const TEN_MINUTES: Drain = { kind: 'draining', sinceMs: SINCE_MS, overMs: 600_000, fromPercent: 100 };
const NEVER = Number.POSITIVE_INFINITY;

function at(drain: Drain, elapsedMs: number) {
  return drainShare(drain, 'here', DEFAULT_FAILBACK, SINCE_MS + elapsedMs);
}

describe('the share of a cluster that is drained', () => {
  const shares: readonly [elapsedMs: number, percent: number, phase: string, changesMs: number][] = [
    [-1, 100, 'draining', 0],
    [0, 100, 'draining', 6_000],
    [5_999, 100, 'draining', 6_000],
    [6_000, 99, 'draining', 12_000],
    [300_000, 50, 'draining', 306_000],
    [599_999, 1, 'draining', 600_000],
    [600_000, 0, 'drained', NEVER],
    [90_000_000, 0, 'drained', NEVER],
  ];
  for (const [elapsedMs, percent, phase, changesMs] of shares) {
    it(`over 10 min is ${percent} % after ${elapsedMs} ms`, () => {
      const share = at(TEN_MINUTES, elapsedMs);
      assert.deepEqual([share.percent, share.phase.kind], [percent, phase]);
      assert.equal(share.changesAtMs, SINCE_MS + changesMs);
    });
  }

  it('is none at once over 0 s', () => {
    assert.equal(at({ ...TEN_MINUTES, overMs: 0 }, 0).percent, 0);
  });

  it('changes at most once a second', () => {
    const short: Drain = { ...TEN_MINUTES, overMs: 2_500 };
    assert.deepEqual(
      [0, 999, 1_000, 2_000, 2_499, 2_500].map((elapsedMs) => at(short, elapsedMs).percent),
      [100, 100, 60, 20, 20, 0],
    );
  });

  it('never grows, and changes when it says so and not before', () => {
    const drains = fc.record({
      kind: fc.constant('draining' as const),
      sinceMs: fc.constant(SINCE_MS),
      overMs: fc.integer({ min: 0, max: 86_400_000 }),
      fromPercent: fc.integer({ min: 0, max: 100 }),
    });
    fc.assert(
      fc.property(drains, fc.integer({ min: -1_000, max: 90_000_000 }), (drain, elapsedMs) => {
        const now = at(drain, elapsedMs);
        if (now.changesAtMs === NEVER) {
          assert.equal(now.percent, 0);
          return;
        }
        const changesAfterMs = now.changesAtMs - SINCE_MS;
        assert.ok(changesAfterMs > elapsedMs);
        assert.deepEqual(at(drain, changesAfterMs - 1), now);
        const then = at(drain, changesAfterMs);
        assert.ok(then.percent <= now.percent && now.percent <= drain.fromPercent);
        assert.ok(then.changesAtMs > now.changesAtMs);
      }),
    );
  });
});

describe('the share of a cluster whose drain was taken back', () => {
  const back: Drain = { kind: 'returning', sinceMs: SINCE_MS, fromPercent: 0 };

  it('grows by the steps of the failback policy, without its hold-down', () => {
    assert.deepEqual(
      [0, 9_999, 10_000, 20_000, 30_000].map((elapsedMs) => at(back, elapsedMs).percent),
      [10, 10, 25, 50, 100],
    );
    assert.equal(at(back, 30_000).phase.kind, 'returned');
    assert.equal(at(back, 0).changesAtMs, SINCE_MS + 10_000);
  });

  it('never falls below what was left of it', () => {
    const half: Drain = { ...back, fromPercent: 40 };
    assert.deepEqual(
      [0, 10_000, 20_000, 30_000].map((elapsedMs) => at(half, elapsedMs).percent),
      [40, 40, 50, 100],
    );
  });

  it('is not held up by a clock that is behind', () => {
    assert.equal(at(back, -60_000).percent, 10);
  });
});

describe('what a drain becomes', () => {
  const ordered = { sinceMs: SINCE_MS, overMs: 600_000 };

  it('begins when it was ordered for, whoever looks and whenever', () => {
    assert.deepEqual(nextDrain(undefined, ordered, SINCE_MS + 50), TEN_MINUTES);
    assert.deepEqual(nextDrain(undefined, ordered, SINCE_MS + 500_000), TEN_MINUTES);
    assert.deepEqual(nextDrain(undefined, ordered, SINCE_MS - 500_000), TEN_MINUTES);
  });

  it('begins when it is first seen, where the order has no time, and goes on from there', () => {
    const untimed = { ...ordered, sinceMs: undefined };
    const first = nextDrain(undefined, untimed, SINCE_MS);
    assert.deepEqual(first, TEN_MINUTES);
    assert.equal(nextDrain(first, untimed, SINCE_MS + 5_000), first);
  });

  it('stays the same object while the order is the same', () => {
    assert.equal(nextDrain(TEN_MINUTES, ordered, SINCE_MS + 1), TEN_MINUTES);
  });

  it('turns into the way back where it is ordered no more, from what is left', () => {
    const back = nextDrain(TEN_MINUTES, undefined, SINCE_MS + 300_000);
    assert.deepEqual(back, { kind: 'returning', sinceMs: SINCE_MS + 300_000, fromPercent: 50 });
    assert.equal(nextDrain(back, undefined, SINCE_MS + 400_000), back);
  });

  it('is nothing where it was taken back before it began', () => {
    assert.equal(nextDrain(TEN_MINUTES, undefined, SINCE_MS - 1), undefined);
    assert.equal(nextDrain(undefined, undefined, SINCE_MS), undefined);
  });

  it('begins anew with what is left, on another order and on the way back', () => {
    const faster = { sinceMs: SINCE_MS + 300_000, overMs: 60_000 };
    const again = nextDrain(TEN_MINUTES, faster, SINCE_MS + 300_000);
    assert.deepEqual(again, { kind: 'draining', ...faster, fromPercent: 50 });
    const back: Drain = { kind: 'returning', sinceMs: SINCE_MS, fromPercent: 0 };
    const twice = nextDrain(back, { sinceMs: SINCE_MS + 10_000, overMs: 60_000 }, SINCE_MS + 10_000);
    assert.equal(drainPercent(twice, SINCE_MS + 10_000), 25);
  });

  it('has no jump upwards over any orders', () => {
    const order = fc.option(
      fc.record({ sinceMs: fc.constant(undefined), overMs: fc.integer({ min: 0, max: 100_000 }) }),
      { nil: undefined },
    );
    const looks = fc.array(fc.tuple(order, fc.integer({ min: 1, max: 30_000 })), { maxLength: 12 });
    fc.assert(
      fc.property(looks, (all) => {
        let drain: Drain | undefined;
        let nowMs = SINCE_MS;
        for (const [ordered, elapsedMs] of all) {
          nowMs += elapsedMs;
          const before = drainPercent(drain, nowMs);
          drain = nextDrain(drain, ordered, nowMs);
          const after = drainPercent(drain, nowMs);
          // The first step back is the one jump that there is.
          assert.ok(after <= Math.max(before, ordered === undefined ? 10 : 0), `${before} to ${after}`);
        }
      }),
    );
  });
});

const FACTS: PeerFacts = {
  reach: 'synced',
  lastSeenMs: SINCE_MS,
  health: { kind: 'steady' },
  offerHealth: { kind: 'steady' },
  trunk: { kind: 'answers' },
  followed: true,
};

function told(standing: Standing): string {
  if (standing.kind === 'absent') return standing.absence.kind;
  const { phase, sharePercent } = standing;
  return `${sharePercent} % ${phase.kind}${'by' in phase ? ` by ${phase.by}` : ''}`;
}

describe('the standing of a drained cluster', () => {
  const at = (facts: Partial<PeerFacts>, elapsedMs: number) =>
    told(peerStanding({ ...FACTS, ...facts }, DEFAULT_FAILOVER_POLICY, SINCE_MS + elapsedMs));
  const sooner: Drain = { ...TEN_MINUTES, overMs: 60_000 };

  it('is the smallest share that its own word, the order here and its health leave', () => {
    assert.equal(at({ drain: TEN_MINUTES }, 300_000), '50 % draining by here');
    assert.equal(at({ announcedDrain: TEN_MINUTES }, 300_000), '50 % draining by itself');
    assert.equal(at({ announcedDrain: TEN_MINUTES, drain: sooner }, 30_000), '50 % draining by here');
    assert.equal(at({ announcedDrain: sooner, drain: TEN_MINUTES }, 60_000), '0 % drained by itself');
    const health = { kind: 'returning', healthySinceMs: SINCE_MS } as const;
    assert.equal(at({ health, drain: TEN_MINUTES }, 0), '0 % held-down');
    assert.equal(at({ health: { kind: 'failing', sinceMs: SINCE_MS }, drain: TEN_MINUTES }, 0), 'failing');
  });

  it('holds for the own cluster too', () => {
    const own = localStanding({ kind: 'steady' }, sooner, DEFAULT_FAILOVER_POLICY, SINCE_MS + 30_000);
    assert.equal(told(own), '50 % draining by itself');
    assert.equal(own.changesAtMs, SINCE_MS + 31_000);
  });

  it('tells of a drain from its first moment on', () => {
    assert.equal(at({ drain: TEN_MINUTES }, 0), '100 % draining by here');
    assert.equal(
      at({ drain: { kind: 'returning', sinceMs: SINCE_MS, fromPercent: 0 } }, 60_000),
      '100 % steady',
    );
  });
});

describe('the requests of a service while a cluster is drained', () => {
  const EU = { region: 'eu', zone: 'eu-a' };
  const candidate = (cluster: string, standing: Standing, healthy = 4): Candidate => ({
    cluster,
    local: cluster === 'east',
    localities: [{ locality: EU, hosts: 4, healthy, degraded: 0, excluded: 0, weight: 4 }],
    standing,
  });
  const standing = (drain: Drain | undefined, elapsedMs: number) =>
    peerStanding({ ...FACTS, drain }, DEFAULT_FAILOVER_POLICY, SINCE_MS + elapsedMs);
  const shares = (...candidates: Candidate[]) =>
    Object.fromEntries(
      clusterShares(planFailover({ policy: DEFAULT_FAILOVER_POLICY, source: EU, candidates })),
    );

  it('go to the others, evenly over the time', () => {
    const east = candidate('east', standing(undefined, 0));
    const west = (elapsedMs: number) => candidate('west', standing(TEN_MINUTES, elapsedMs));
    assert.deepEqual(shares(east, west(0)), { east: 50, west: 50 });
    const { west: half = 0 } = shares(east, west(300_000));
    assert.equal(Math.round(half), 33);
    assert.deepEqual(shares(east, west(600_000)), { east: 100 });
  });

  it('stay where they are when nobody else has a host that could answer', () => {
    const west = (elapsedMs: number) => candidate('west', standing(TEN_MINUTES, elapsedMs));
    for (const elapsedMs of [0, 300_000, 600_000]) {
      assert.deepEqual(shares(west(elapsedMs)), { west: 100 });
      assert.deepEqual(shares(candidate('east', standing(undefined, 0), 0), west(elapsedMs)), { west: 100 });
    }
  });

  it('stay where they are when everybody is drained', () => {
    const gone = standing(TEN_MINUTES, 600_000);
    assert.deepEqual(shares(candidate('east', gone), candidate('west', gone)), { east: 50, west: 50 });
  });
});
