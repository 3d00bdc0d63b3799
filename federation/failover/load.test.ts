import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type LoadRules, type Loads, type TierHosts, tierLoads } from './load.ts';

const RULES: LoadRules = { overprovisioningPercent: 140, panicThresholdPercent: 50 };
const NO_PANIC: LoadRules = { ...RULES, panicThresholdPercent: 0 };

interface TierOptions {
  readonly degraded?: number;
  readonly excluded?: number;
  /** f of all its clusters. */
  readonly share?: number;
  readonly maxShare?: number;
}

function tier(hosts: number, healthy: number, options: TierOptions = {}): TierHosts {
  const { degraded = 0, excluded = 0, share = 100, maxShare = 100 } = options;
  return {
    hosts,
    healthy,
    degraded,
    excluded,
    sharedHosts: hosts * share,
    admittedHealthy: share > 0 ? healthy : 0,
    admittedDegraded: share > 0 ? degraded : 0,
    maxSharePercent: maxShare,
  };
}

function loadsOf(tiers: readonly TierHosts[], rules = RULES): readonly number[] {
  return tierLoads(tiers, rules).tiers.map((entry) => entry.load);
}

function total(loads: Loads): number {
  return loads.tiers.reduce((sum, entry) => sum + entry.load, 0);
}

describe('tier loads, every cap 100', () => {
  const table: readonly [string, readonly TierHosts[], readonly number[], boolean][] = [
    ['4/2, 4/2', [tier(4, 2), tier(4, 2)], [70, 30], false],
    ['4/1, 2/2', [tier(4, 1), tier(2, 2)], [35, 65], false],
    ['4/1, 4/1, 4/1', [tier(4, 1), tier(4, 1), tier(4, 1)], [35, 35, 30], false],
    ['5/1, 5/1, 5/1', [tier(5, 1), tier(5, 1), tier(5, 1)], [34, 33, 33], true],
    ['5/0, 6/2, 3/1', [tier(5, 0), tier(6, 2), tier(3, 1)], [37, 42, 21], true],
    ['4/3, 4/4', [tier(4, 3), tier(4, 4)], [100, 0], false],
    ['100/71, 4/4', [tier(100, 71), tier(4, 4)], [99, 1], false],
    ['4/0, 4/4', [tier(4, 0), tier(4, 4)], [0, 100], false],
    ['none, 4/4', [tier(0, 0), tier(4, 4)], [0, 100], false],
    ['4/0, 4/0', [tier(4, 0), tier(4, 0)], [50, 50], true],
    ['4/0, none', [tier(4, 0), tier(0, 0)], [100, 0], true],
  ];
  for (const [name, tiers, expected, totalPanic] of table) {
    it(`${name} → ${expected.join(', ')}${totalPanic ? ' (panic)' : ''}`, () => {
      const loads = tierLoads(tiers, RULES);
      assert.deepEqual(
        loads.tiers.map((entry) => entry.load),
        expected,
      );
      assert.equal(loads.totalPanic, totalPanic);
    });
  }
});

describe('tier loads with degraded and excluded hosts', () => {
  it('fills up with degraded hosts before it goes to the next tier', () => {
    const loads = tierLoads([tier(4, 1, { degraded: 1 }), tier(4, 1)], RULES);
    assert.deepEqual(
      loads.tiers.map((entry) => [entry.healthyLoad, entry.degradedLoad]),
      [
        [35, 30],
        [35, 0],
      ],
    );
  });

  it('serves from degraded hosts alone, the remainder to the first tier that has any', () => {
    const loads = tierLoads([tier(7, 0, { degraded: 2 }), tier(7, 0, { degraded: 1 })], NO_PANIC);
    assert.deepEqual(
      loads.tiers.map((entry) => entry.degradedLoad),
      [67, 33],
    );
  });

  it('leaves hosts out of the count while their first check is pending', () => {
    assert.deepEqual(loadsOf([tier(10, 5, { excluded: 5 }), tier(4, 4)]), [100, 0]);
    assert.deepEqual(loadsOf([tier(10, 0, { excluded: 10 }), tier(4, 4)]), [0, 100]);
  });

  it('is in panic where all hosts are pending, unless panic is off', () => {
    assert.deepEqual(loadsOf([tier(3, 0, { excluded: 3 })]), [100]);
    assert.deepEqual(loadsOf([tier(3, 0, { excluded: 3 })], NO_PANIC), [0]);
  });
});

describe('panic', () => {
  it('of one tier leaves the loads as they are', () => {
    const loads = tierLoads([tier(10, 4), tier(4, 2), tier(4, 0)], RULES);
    assert.deepEqual(
      loads.tiers.map((entry) => [entry.load, entry.panic]),
      [
        [56, false],
        [44, false],
        [0, false],
      ],
    );
    const starved = tierLoads([tier(10, 1), tier(4, 2), tier(4, 0)], RULES);
    assert.deepEqual(
      starved.tiers.map((entry) => [entry.load, entry.panic]),
      [
        [17, true],
        [83, false],
        [0, true],
      ],
    );
  });

  it('never happens with a threshold of 0: nothing healthy serves nothing', () => {
    assert.deepEqual(loadsOf([tier(5, 1), tier(5, 1), tier(5, 1)], NO_PANIC), [34, 33, 33]);
    const none = tierLoads([tier(5, 0), tier(5, 0)], NO_PANIC);
    assert.equal(total(none), 0);
    assert.equal(none.totalPanic, false);
  });

  it('is decided without the caps', () => {
    const loads = tierLoads([tier(4, 4, { share: 10 }), tier(4, 0)], RULES);
    assert.deepEqual(
      loads.tiers.map((entry) => [entry.load, entry.panic]),
      [
        [100, false],
        [0, false],
      ],
    );
  });
});

describe('caps', () => {
  it('move load away while another tier can take it', () => {
    assert.deepEqual(loadsOf([tier(3, 3, { share: 25 }), tier(3, 3)]), [25, 75]);
    assert.deepEqual(loadsOf([tier(3, 3, { maxShare: 60 }), tier(3, 3)]), [60, 40]);
  });

  it('multiply: a step is a share of what the tier may take', () => {
    assert.deepEqual(loadsOf([tier(3, 3, { share: 50, maxShare: 60 }), tier(3, 3)]), [30, 70]);
  });

  it('never shed: what nobody else can take stays', () => {
    assert.deepEqual(loadsOf([tier(3, 3, { share: 25 }), tier(3, 0)]), [100, 0]);
    assert.deepEqual(loadsOf([tier(3, 3, { maxShare: 10 })]), [100]);
    assert.deepEqual(loadsOf([tier(3, 3, { maxShare: 30 }), tier(3, 3, { maxShare: 30 })]), [50, 50]);
  });

  it('are ignored where they alone leave nothing', () => {
    const loads = tierLoads([tier(3, 3, { share: 0 }), tier(3, 0)], RULES);
    assert.equal(loads.capsIgnored, true);
    assert.deepEqual(
      loads.tiers.map((entry) => entry.load),
      [100, 0],
    );
  });

  it('are those of the clusters by their hosts', () => {
    const returning: TierHosts = {
      ...tier(8, 8),
      sharedHosts: 4 * 100 + 4 * 10,
      admittedHealthy: 8,
    };
    assert.deepEqual(loadsOf([returning, tier(4, 4)]), [55, 45]);
  });

  it('keep load from a tier whose only healthy hosts are held down', () => {
    const heldDown: TierHosts = { ...tier(6, 3), sharedHosts: 3 * 100, admittedHealthy: 0 };
    assert.deepEqual(loadsOf([heldDown, tier(4, 4)]), [0, 100]);
  });
});

const tierArbitrary = fc
  .record({
    healthy: fc.nat(6),
    degraded: fc.nat(4),
    unhealthy: fc.nat(6),
    excluded: fc.nat(3),
    share: fc.constantFrom(0, 1, 10, 25, 33, 50, 99, 100),
    maxShare: fc.constantFrom(0, 7, 30, 50, 100),
  })
  .map(({ healthy, degraded, unhealthy, excluded, share, maxShare }) =>
    tier(healthy + degraded + unhealthy + excluded, healthy, { degraded, excluded, share, maxShare }),
  );
const tiersArbitrary = fc.array(tierArbitrary, { maxLength: 5 });
const rulesArbitrary = fc.record({
  overprovisioningPercent: fc.constantFrom(100, 140, 173, 200),
  panicThresholdPercent: fc.constantFrom(0, 20, 50, 100),
});

function withoutCaps(entry: TierHosts): TierHosts {
  return {
    ...entry,
    sharedHosts: entry.hosts * 100,
    maxSharePercent: 100,
    admittedHealthy: entry.healthy,
    admittedDegraded: entry.degraded,
  };
}

function unhealthy(entry: TierHosts): number {
  return entry.hosts - entry.healthy - entry.degraded - entry.excluded;
}

function withOneMoreHealthy(entry: TierHosts): TierHosts {
  const admittedHealthy = entry.sharedHosts > 0 ? entry.healthy + 1 : 0;
  return { ...entry, healthy: entry.healthy + 1, admittedHealthy };
}

const RUNS = { numRuns: 20_000 };

describe('properties of tier loads', () => {
  it('they sum to 100, or to nothing', () => {
    fc.assert(
      fc.property(tiersArbitrary, rulesArbitrary, (tiers, rules) => {
        const loads = tierLoads(tiers, rules);
        const sum = total(loads);
        assert.ok(sum === 100 || sum === 0, `sum ${sum}`);
        assert.ok(loads.tiers.every((entry) => entry.load >= 0 && Number.isInteger(entry.load)));
      }),
      RUNS,
    );
  });

  it('a cap never lowers the total that is served', () => {
    fc.assert(
      fc.property(tiersArbitrary, rulesArbitrary, (tiers, rules) => {
        assert.equal(total(tierLoads(tiers, rules)), total(tierLoads(tiers.map(withoutCaps), rules)));
      }),
      RUNS,
    );
  });

  it('a tier without hosts never gets load', () => {
    fc.assert(
      fc.property(tiersArbitrary, rulesArbitrary, (tiers, rules) => {
        const loads = tierLoads(tiers, rules);
        assert.ok(tiers.every((entry, index) => entry.hosts > 0 || loads.tiers[index]?.load === 0));
      }),
      RUNS,
    );
  });

  it('a host that turns healthy never lowers its tier’s load, where no tier is in panic', () => {
    let compared = 0;
    fc.assert(
      fc.property(tiersArbitrary, rulesArbitrary, fc.nat(4), (tiers, rules, index) => {
        const chosen = tiers[index];
        if (chosen === undefined || unhealthy(chosen) === 0) return;
        const before = tierLoads(tiers, rules);
        const after = tierLoads(tiers.with(index, withOneMoreHealthy(chosen)), rules);
        if ([...before.tiers, ...after.tiers].some((entry) => entry.panic)) return;
        compared++;
        const [was, is] = [before.tiers[index]?.load ?? 0, after.tiers[index]?.load ?? 0];
        assert.ok(is >= was, `${was} → ${is}`);
      }),
      RUNS,
    );
    assert.ok(compared > 1000, `only ${compared} cases were without panic`);
  });
});
