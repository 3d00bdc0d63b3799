import type { ClusterName, Locality } from '../model/cluster.ts';
import type { FailoverTier, TierSelector } from '../model/policy.ts';
import type { LocalityHosts } from '../model/service.ts';
import type { TierHosts } from './load.ts';
import type { Standing } from './standing.ts';

/** A cluster that offers the service, with what it has where, and how it stands at the moment. */
export interface Candidate {
  readonly cluster: ClusterName;
  readonly local: boolean;
  readonly localities: readonly LocalityHosts[];
  readonly standing: Standing;
}

/** The hosts of one locality of one cluster: what a tier is made of, and what a pick arrives at. */
export interface HostGroup extends LocalityHosts {
  readonly cluster: ClusterName;
  readonly local: boolean;
  /** f of its cluster in percent. */
  readonly sharePercent: number;
  /** The cluster's weight where the tier names clusters; undefined where the localities' own weights count. */
  readonly clusterWeight: number | undefined;
}

/**
 * Each group goes to the first tier that takes it. Clusters that are absent have none, nor have groups that no
 * traffic may go to (weight 0): hosts that cannot be picked must not draw load.
 * @param source where the source gateway stands
 */
export function groupsOfTiers(
  tiers: readonly FailoverTier[],
  candidates: readonly Candidate[],
  source: Locality,
): readonly (readonly HostGroup[])[] {
  const groups: HostGroup[][] = tiers.map(() => []);
  for (const candidate of candidates) {
    if (candidate.standing.kind === 'absent') continue;
    for (const hosts of candidate.localities) {
      const index = tiers.findIndex((tier) =>
        takes(tier.selector, candidate.cluster, hosts.locality, source),
      );
      const selector = tiers[index]?.selector;
      if (selector === undefined) continue;
      const group = hostGroup(candidate, candidate.standing.sharePercent, hosts, selector);
      if (group.hosts > 0 && group.weight > 0 && group.clusterWeight !== 0) groups[index]?.push(group);
    }
  }
  return groups;
}

/** What the load formula needs of a tier. */
export function tierHosts(tier: FailoverTier, groups: readonly HostGroup[]): TierHosts {
  const sum = (value: (group: HostGroup) => number) =>
    groups.reduce((total, group) => total + value(group), 0);
  const admitted = (group: HostGroup) => (group.sharePercent > 0 ? 1 : 0);
  return {
    hosts: sum((group) => group.hosts),
    healthy: sum((group) => group.healthy),
    degraded: sum((group) => group.degraded),
    excluded: sum((group) => group.excluded),
    sharedHosts: sum((group) => group.hosts * group.sharePercent),
    admittedHealthy: sum((group) => admitted(group) * group.healthy),
    admittedDegraded: sum((group) => admitted(group) * group.degraded),
    maxSharePercent: tier.maxShare === undefined ? 100 : wholePercent(tier.maxShare),
  };
}

function takes(selector: TierSelector, cluster: ClusterName, locality: Locality, source: Locality): boolean {
  switch (selector.kind) {
    case 'same-zone':
      return locality.region === source.region && locality.zone === source.zone;
    case 'same-region':
      return locality.region === source.region;
    case 'any':
      return true;
    case 'region':
      return (
        locality.region === selector.region &&
        (selector.zone === undefined || locality.zone === selector.zone)
      );
    case 'clusters':
      return selector.clusters.some((named) => named.cluster === cluster);
  }
}

function hostGroup(
  candidate: Candidate,
  sharePercent: number,
  hosts: LocalityHosts,
  selector: TierSelector,
): HostGroup {
  const named =
    selector.kind === 'clusters'
      ? selector.clusters.find((entry) => entry.cluster === candidate.cluster)
      : undefined;
  return {
    ...hosts,
    cluster: candidate.cluster,
    local: candidate.local,
    sharePercent,
    clusterWeight: named?.weight,
  };
}

/** A fraction in whole percent, rounded down; 0.29 is 29 although `0.29 * 100` is less. */
function wholePercent(fraction: number): number {
  return Math.floor(Math.round(fraction * 1_000_000) / 10_000);
}
