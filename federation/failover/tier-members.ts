import type { ClusterName } from '../model/cluster.ts';
import type { HostSet } from './pick.ts';
import type { HostGroup } from './tier-groups.ts';

export interface WeightRules {
  /** Whole percent: a factor of 1.4 is 140. */
  readonly overprovisioningPercent: number;
  readonly hostSet: HostSet;
  /** False where the failback shares are not looked at: the caps were ignored. */
  readonly withShares: boolean;
}

export interface WeightedGroup {
  readonly group: HostGroup;
  readonly weight: number;
}

/**
 * What a tier's load is first split among: its localities, or where the tier names clusters, these; then each
 * named cluster splits its part among its localities.
 */
export interface TierMember {
  readonly cluster: ClusterName;
  readonly weight: number;
  readonly groups: readonly WeightedGroup[];
}

/**
 * A tier's members with `weight * f * min(100, 140 * available / total)`; those that weigh nothing are left out. If
 * f alone leaves none, f is not looked at: the tier has load that must go somewhere.
 */
export function tierMembers(groups: readonly HostGroup[], rules: WeightRules): readonly TierMember[] {
  const members = weighMembers(groups, rules);
  if (!rules.withShares || members.length > 0) return members;
  return weighMembers(groups, { ...rules, withShares: false });
}

function weighMembers(groups: readonly HostGroup[], rules: WeightRules): readonly TierMember[] {
  return splitGroups(groups)
    .map((own): TierMember => {
      const [first] = own;
      const weight = first === undefined ? 0 : (first.clusterWeight ?? first.weight);
      const share = first === undefined || !rules.withShares ? 100 : first.sharePercent;
      return {
        cluster: first?.cluster ?? '',
        weight: weight * share * availability(own, rules),
        groups: own
          .map((group) => ({ group, weight: group.weight * availability([group], rules) }))
          .filter((entry) => entry.weight > 0),
      };
    })
    .filter((member) => member.weight > 0);
}

/** The groups of one member each, in their order; none is empty. */
function splitGroups(groups: readonly HostGroup[]): readonly (readonly HostGroup[])[] {
  const named = groups.filter((group) => group.clusterWeight !== undefined);
  const single = groups.filter((group) => group.clusterWeight === undefined).map((group) => [group]);
  return [...Map.groupBy(named, (group) => group.cluster).values(), ...single];
}

/** Percent of the hosts that the load is for, overprovisioned; the hosts that count are those that were checked. */
function availability(groups: readonly HostGroup[], rules: WeightRules): number {
  let checked = 0;
  let available = 0;
  for (const group of groups) {
    checked += group.hosts - group.excluded;
    available += availableHosts(group, rules.hostSet);
  }
  if (rules.hostSet === 'any') return available > 0 ? 100 : 0;
  return checked <= 0 ? 0 : Math.min(100, Math.floor((rules.overprovisioningPercent * available) / checked));
}

function availableHosts(group: HostGroup, hostSet: HostSet): number {
  switch (hostSet) {
    case 'healthy':
      return group.healthy;
    case 'degraded':
      return group.degraded;
    case 'any':
      return group.hosts;
  }
}
