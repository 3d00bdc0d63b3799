import type { ClusterName, Locality } from '../model/cluster.ts';
import type { FailoverPolicy, FailoverTier } from '../model/policy.ts';
import { type Loads, type TierHosts, type TierLoad, tierLoads } from './load.ts';
import { type HostSet, type Portion, portions, turnsOf } from './pick.ts';
import type { Standing } from './standing.ts';
import { type Candidate, groupsOfTiers, type HostGroup, tierHosts } from './tier-groups.ts';
import { type TierMember, tierMembers } from './tier-members.ts';

export interface FailoverInput {
  readonly policy: FailoverPolicy;
  /** Where the source gateway stands. */
  readonly source: Locality;
  /** One per cluster that offers the service; in a fixed order, so that all gateways come to the same plan. */
  readonly candidates: readonly Candidate[];
}

export interface TierPlan {
  readonly tier: FailoverTier;
  readonly groups: readonly HostGroup[];
  readonly hosts: TierHosts;
  readonly load: TierLoad;
}

/** A part of the traffic and what it is split among. */
export interface PlannedPortion extends Portion {
  readonly members: readonly TierMember[];
}

/** Everything that was computed on the way to where a service's requests go; holds until `validUntilMs`. */
export interface FailoverPlan {
  readonly input: FailoverInput;
  /** The first tier that would have hosts if every cluster counted; -1 when nobody offers any. */
  readonly homeTier: number;
  readonly tiers: readonly TierPlan[];
  readonly loads: Loads;
  readonly portions: readonly PlannedPortion[];
  /** For each of 100 turns the index of its portion; empty when nothing can be served. */
  readonly turns: Uint8Array;
  /** When the clock alone will change it, Unix ms; Infinity if it will not. */
  readonly validUntilMs: number;
}

const FULL_STANDING: Standing = {
  kind: 'counted',
  sharePercent: 100,
  phase: { kind: 'steady' },
  changesAtMs: Number.POSITIVE_INFINITY,
};

export function planFailover(input: FailoverInput): FailoverPlan {
  const { policy, candidates, source } = input;
  const groups = groupsOfTiers(policy.tiers, candidates, source);
  const hosts = policy.tiers.map((tier, index) => tierHosts(tier, groups[index] ?? []));
  const loads = tierLoads(hosts, {
    overprovisioningPercent: overprovisioningPercent(policy),
    panicThresholdPercent: policy.panicThresholdPercent,
  });
  const tiers = policy.tiers.flatMap((tier, index): TierPlan[] => {
    const load = loads.tiers[index];
    const own = hosts[index];
    return load === undefined || own === undefined
      ? []
      : [{ tier, groups: groups[index] ?? [], hosts: own, load }];
  });
  const base = { input, homeTier: homeTier(input), tiers, loads };
  const ordered = portions(loads);
  return {
    ...base,
    portions: ordered.map((portion) => ({
      ...portion,
      members: membersOfTier(base, portion.tier, portion.hostSet),
    })),
    turns: turnsOf(ordered),
    validUntilMs: Math.min(...candidates.map((candidate) => candidate.standing.changesAtMs)),
  };
}

/** Whether a tier below the one where the service is at home takes requests. */
export function failoverActive(plan: FailoverPlan): boolean {
  return plan.tiers.some((tier, index) => index > plan.homeTier && tier.load.load > 0);
}

function homeTier({ policy, candidates, source }: FailoverInput): number {
  const all = candidates.map((candidate) => ({ ...candidate, standing: FULL_STANDING }));
  return groupsOfTiers(policy.tiers, all, source).findIndex((groups) => groups.length > 0);
}

/** What requests to a part of a tier's hosts are split among, whether the tier has load or not. */
export function membersOfTier(
  plan: Pick<FailoverPlan, 'input' | 'tiers' | 'loads'>,
  tier: number,
  hostSet: HostSet,
): readonly TierMember[] {
  return tierMembers(plan.tiers[tier]?.groups ?? [], {
    overprovisioningPercent: overprovisioningPercent(plan.input.policy),
    hostSet,
    withShares: !plan.loads.capsIgnored,
  });
}

function overprovisioningPercent(policy: FailoverPolicy): number {
  return Math.round(policy.overprovisioningFactor * 100);
}

/** The part of all requests, in percent, that goes to each group of a tier. */
export function groupShares(plan: FailoverPlan, tier: number): ReadonlyMap<HostGroup, number> {
  const shares = new Map<HostGroup, number>();
  for (const portion of plan.portions) {
    if (portion.tier !== tier) continue;
    const sum = weightSum(portion.members);
    for (const member of portion.members) {
      const groupSum = weightSum(member.groups);
      for (const { group, weight } of member.groups) {
        const share = (portion.load * member.weight * weight) / (sum * groupSum);
        shares.set(group, (shares.get(group) ?? 0) + share);
      }
    }
  }
  return shares;
}

/** The part of all requests, in percent, that goes to each cluster; sums up to 100, or is empty. */
export function clusterShares(plan: FailoverPlan): ReadonlyMap<ClusterName, number> {
  const shares = new Map<ClusterName, number>();
  for (const index of plan.tiers.keys()) {
    for (const [{ cluster }, share] of groupShares(plan, index)) {
      shares.set(cluster, (shares.get(cluster) ?? 0) + share);
    }
  }
  return shares;
}

function weightSum(entries: readonly { readonly weight: number }[]): number {
  return entries.reduce((total, entry) => total + entry.weight, 0);
}
