import type { Locality } from '../model/cluster.ts';
import type { FailoverPolicy, FailoverTier } from '../model/policy.ts';
import { type Loads, type TierHosts, type TierLoad, tierLoads } from './load.ts';
import { type HostSet, type Portion, portions, turnsOf } from './pick.ts';
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
  readonly tiers: readonly TierPlan[];
  readonly loads: Loads;
  readonly portions: readonly PlannedPortion[];
  /** For each of 100 turns the index of its portion; empty when nothing can be served. */
  readonly turns: Uint8Array;
  /** When the clock alone will change it, Unix ms; Infinity if it will not. */
  readonly validUntilMs: number;
}

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
  const base = { input, tiers, loads };
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

/** The share of all requests that each cluster gets, in percent; sums up to 100, or is empty. */
export function clusterShares(plan: FailoverPlan): ReadonlyMap<string, number> {
  const shares = new Map<string, number>();
  for (const portion of plan.portions) {
    const sum = portion.members.reduce((total, member) => total + member.weight, 0);
    for (const member of portion.members) {
      const share = (portion.load * member.weight) / sum;
      shares.set(member.cluster, (shares.get(member.cluster) ?? 0) + share);
    }
  }
  return shares;
}
