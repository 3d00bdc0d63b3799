import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Locality } from '../model/cluster.ts';
import {
  DEFAULT_FAILOVER_POLICY,
  type FailoverPolicy,
  type FailoverTier,
  type TierSelector,
} from '../model/policy.ts';
import type { LocalityHosts } from '../model/service.ts';
import { clusterShares, type FailoverPlan, failoverActive, groupShares, planFailover } from './plan.ts';
import type { Standing } from './standing.ts';
import type { Candidate } from './tier-groups.ts';

const EU_A: Locality = { region: 'eu', zone: 'eu-a' };
const EU_B: Locality = { region: 'eu', zone: 'eu-b' };
const US_A: Locality = { region: 'us', zone: 'us-a' };

function counted(sharePercent: number, changesAtMs = Number.POSITIVE_INFINITY): Standing {
  return { kind: 'counted', sharePercent, phase: { kind: 'steady' }, changesAtMs };
}

const LOST: Standing = {
  kind: 'absent',
  absence: { kind: 'trunk-lost', sinceMs: 1 },
  changesAtMs: Number.POSITIVE_INFINITY,
};

interface Hosts {
  readonly at: Locality;
  readonly hosts?: number;
  readonly healthy?: number;
  readonly degraded?: number;
  readonly weight?: number;
}

function hostsAt({ at, hosts = 3, healthy = hosts, degraded = 0, weight = hosts }: Hosts): LocalityHosts {
  return { locality: at, hosts, healthy, degraded, excluded: 0, weight };
}

function candidate(cluster: string, standing: Standing, ...hosts: readonly Hosts[]): Candidate {
  return { cluster, local: cluster === 'east', localities: hosts.map(hostsAt), standing };
}

function policyOf(selectors: readonly TierSelector[]): FailoverPolicy {
  const tiers = selectors.map((selector): FailoverTier => {
    return { selector, maxShare: undefined, maxConcurrent: undefined };
  });
  return { ...DEFAULT_FAILOVER_POLICY, tiers };
}

function plan(candidates: readonly Candidate[], policy = DEFAULT_FAILOVER_POLICY): FailoverPlan {
  return planFailover({ policy, source: EU_A, candidates });
}

function sharesOf(made: FailoverPlan): Readonly<Record<string, number>> {
  return Object.fromEntries(clusterShares(made));
}

describe('default tiers', () => {
  const east = candidate('east', counted(100), { at: EU_A });
  const west = candidate('west', counted(100), { at: EU_B });
  const south = candidate('south', counted(100), { at: US_A });

  it('are same zone, same region, the rest; a group belongs to the first that takes it', () => {
    const made = plan([east, south, west]);
    assert.deepEqual(
      made.tiers.map((tier) => tier.groups.map((group) => group.cluster)),
      [['east'], ['west'], ['south']],
    );
    assert.deepEqual(sharesOf(made), { east: 100 });
    assert.equal(failoverActive(made), false);
  });

  it('go on to the next when a cluster is lost', () => {
    const made = plan([{ ...east, standing: LOST }, south, west]);
    assert.deepEqual(sharesOf(made), { west: 100 });
    assert.equal(failoverActive(made), true);
    assert.equal(failoverActive(plan([south, west])), false, 'a service is at home where it is offered');
  });

  it('split a cluster that stands in two zones', () => {
    const both = candidate('west', counted(100), { at: EU_A, hosts: 2, healthy: 1 }, { at: EU_B });
    const made = plan([both]);
    assert.deepEqual(
      made.tiers.map((tier) => tier.load.load),
      [70, 30, 0],
    );
  });
});

describe('named tiers', () => {
  const named = policyOf([
    {
      kind: 'clusters',
      clusters: [
        { cluster: 'west', weight: 70 },
        { cluster: 'north', weight: 30 },
        { cluster: 'idle', weight: 0 },
      ],
    },
    { kind: 'region', region: 'us', zone: undefined },
  ]);
  const west = candidate('west', counted(100), { at: EU_A, hosts: 1 }, { at: EU_B, hosts: 3 });
  const north = candidate('north', counted(100), { at: EU_A, hosts: 9 });
  const south = candidate('south', counted(100), { at: US_A });

  it('take clusters by their weights, whatever they have of hosts, and split each among its localities', () => {
    const made = plan([west, north, south], named);
    assert.deepEqual(sharesOf(made), { west: 70, north: 30 });
    const [first] = made.tiers[0]?.groups ?? [];
    assert.ok(first !== undefined);
    assert.equal(groupShares(made, 0).get(first), 17.5);
  });

  it('weigh a cluster by its available hosts', () => {
    const halfWest = candidate(
      'west',
      counted(100),
      { at: EU_A, hosts: 1, healthy: 0 },
      { at: EU_B, hosts: 1 },
    );
    const made = plan([halfWest, north, south], named);
    assert.deepEqual(
      made.portions[0]?.members.map((member) => member.weight),
      [70 * 100 * 70, 30 * 100 * 100],
    );
    assert.equal(made.portions[0]?.members[0]?.groups.length, 1);
  });

  it('never pick a cluster of weight 0, nor let its hosts draw load', () => {
    const idle = candidate('idle', counted(100), { at: EU_A, hosts: 50 });
    const weak = candidate('west', counted(100), { at: EU_A, hosts: 2, healthy: 1 });
    const made = plan([idle, weak, south], named);
    assert.deepEqual(sharesOf(made), { west: 70, south: 30 });
  });

  it('leave clusters out that no tier takes', () => {
    const made = plan([candidate('far', counted(100), { at: EU_B })], named);
    assert.deepEqual(sharesOf(made), {});
    assert.equal(made.turns.length, 0);
  });
});

describe('a returning cluster', () => {
  it('gets its step of the tier, the next tier the rest', () => {
    const made = plan([
      candidate('east', counted(25, 5000), { at: EU_A }),
      candidate('west', counted(100, 9000), { at: EU_B }),
    ]);
    assert.deepEqual(sharesOf(made), { east: 25, west: 75 });
    assert.equal(made.validUntilMs, 5000);
  });

  it('leaves its tier’s other cluster what that had', () => {
    const made = plan([
      candidate('east', counted(10), { at: EU_A, hosts: 4 }),
      candidate('north', counted(100), { at: EU_A, hosts: 4 }),
      candidate('west', counted(100), { at: EU_B, hosts: 4 }),
    ]);
    assert.deepEqual(sharesOf(made), { east: 5, north: 50, west: 45 });
  });

  it('gets nothing while it is held down, but for being all there is', () => {
    const held = candidate('east', counted(0), { at: EU_A });
    const west = candidate('west', counted(100), { at: EU_B });
    assert.deepEqual(sharesOf(plan([held, west])), { west: 100 });
    assert.deepEqual(sharesOf(plan([held])), { east: 100 });
    assert.equal(plan([held]).loads.capsIgnored, true);
  });
});

describe('hosts that are not fit', () => {
  it('serve in panic, each tier by its hosts', () => {
    const made = plan([
      candidate('east', counted(100), { at: EU_A, hosts: 1, healthy: 0 }),
      candidate('west', counted(100), { at: EU_B, hosts: 3, healthy: 0 }),
    ]);
    assert.deepEqual(sharesOf(made), { east: 25, west: 75 });
    assert.ok(made.portions.every((portion) => portion.hostSet === 'any'));
  });

  it('take the degraded load, after the healthy loads of all tiers', () => {
    const made = plan([
      candidate('east', counted(100), { at: EU_A, hosts: 4, healthy: 1, degraded: 1 }),
      candidate('west', counted(100), { at: EU_B, hosts: 4, healthy: 1 }),
    ]);
    assert.deepEqual(
      made.portions.map(({ tier, hostSet, load }) => [tier, hostSet, load]),
      [
        [0, 'healthy', 35],
        [1, 'healthy', 35],
        [0, 'degraded', 30],
      ],
    );
  });
});

describe('any plan', () => {
  const hosts = fc
    .record({ healthy: fc.nat(4), degraded: fc.nat(2), unhealthy: fc.nat(200), excluded: fc.nat(2) })
    .chain(({ healthy, degraded, unhealthy, excluded }) =>
      fc.record({
        locality: fc.constantFrom(EU_A, EU_B, US_A),
        hosts: fc.constant(healthy + degraded + unhealthy + excluded),
        healthy: fc.constant(healthy),
        degraded: fc.constant(degraded),
        excluded: fc.constant(excluded),
        weight: fc.constantFrom(0, 1, 7, 100),
      }),
    );
  const standing = fc.constantFrom(counted(100), counted(100), counted(0), counted(10), LOST);
  const candidates = fc.array(
    fc.record({
      cluster: fc.constantFrom('east', 'west', 'north', 'south'),
      local: fc.constant(false),
      localities: fc.array(hosts, { maxLength: 3 }),
      standing,
    }),
    { maxLength: 4 },
  );
  const policies = fc.constantFrom(
    DEFAULT_FAILOVER_POLICY,
    { ...DEFAULT_FAILOVER_POLICY, panicThresholdPercent: 0 },
    policyOf([
      {
        kind: 'clusters',
        clusters: [
          { cluster: 'west', weight: 3 },
          { cluster: 'south', weight: 1 },
        ],
      },
      { kind: 'any' },
    ]),
  );

  it('has somebody to send each portion to, shares that sum to 100, and nobody who is absent', () => {
    fc.assert(
      fc.property(candidates, policies, (given, policy) => {
        const made = plan(given, policy);
        const sum = [...clusterShares(made).values()].reduce((total, share) => total + share, 0);
        assert.ok(made.portions.length === 0 ? sum === 0 : Math.abs(sum - 100) < 1e-9, `sum ${sum}`);
        assert.equal(made.turns.length, made.portions.length === 0 ? 0 : 100);
        for (const portion of made.portions) {
          assert.ok(portion.members.length > 0);
          assert.ok(portion.members.every((member) => member.groups.length > 0));
        }
        const absent = given.filter((entry) => entry.standing.kind === 'absent');
        const present = given.filter((entry) => entry.standing.kind === 'counted');
        for (const { cluster } of absent) {
          if (present.some((entry) => entry.cluster === cluster)) continue;
          assert.equal(clusterShares(made).get(cluster), undefined);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
