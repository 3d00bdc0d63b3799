import type { HostSet } from '../../federation/failover/pick.ts';
import { type FailoverPlan, membersOfTier } from '../../federation/failover/plan.ts';
import type { HostGroup } from '../../federation/failover/tier-groups.ts';
import type { TierMember } from '../../federation/failover/tier-members.ts';
import { localityKey } from '../../federation/model/cluster.ts';
import type { Candidates } from './candidates.ts';
import type { TrunkDestination } from './destination.ts';
import type { LocalHosts } from './local-hosts.ts';
import { Rotating } from './rotating.ts';
import type { TierUsage } from './tier-usage.ts';

/** What a pick arrives at: a peer's locality, or local endpoints that the balancer chooses among. */
export type PlannedGroup = PlannedPeer | PlannedLocal;

interface PlannedPeer {
  readonly kind: 'trunk';
  /** f of its cluster in percent. */
  readonly sharePercent: number;
  readonly destination: TrunkDestination;
}

interface PlannedLocal {
  readonly kind: 'local';
  readonly sharePercent: number;
  readonly candidates: Candidates;
}

/** Members in turn, and of each its groups in turn. */
export type PlannedMembers = Rotating<Rotating<PlannedGroup>>;

/** A part of a tier's hosts with the tier's bound. */
export interface PlannedHosts {
  readonly tier: number;
  readonly usage: TierUsage;
  readonly members: PlannedMembers;
}

export interface PlanVersions {
  readonly peers: number;
  readonly pool: number;
}

/**
 * A failover plan made ready for picking. Valid until its time has come, or the peers or the own endpoints are of
 * another version than those that it was made from.
 */
export class RoutePlan {
  readonly failover: FailoverPlan;
  readonly versions: PlanVersions;
  readonly validUntilMs: number;
  readonly turns: Uint8Array;
  readonly portions: readonly PlannedHosts[];
  readonly usages: readonly TierUsage[];
  readonly #localHosts: LocalHosts;
  readonly #hosts = new Map<string, PlannedHosts | undefined>();

  constructor(
    failover: FailoverPlan,
    localHosts: LocalHosts,
    usages: readonly TierUsage[],
    versions: PlanVersions,
  ) {
    this.failover = failover;
    this.versions = versions;
    this.validUntilMs = failover.validUntilMs;
    this.turns = failover.turns;
    this.usages = usages;
    this.#localHosts = localHosts;
    this.portions = failover.portions.flatMap((portion) => this.hosts(portion.tier, portion.hostSet) ?? []);
  }

  /** Part of a tier, whether it has load or not; undefined where the tier has no such host. Made when first asked. */
  hosts(tier: number, hostSet: HostSet): PlannedHosts | undefined {
    const key = `${tier}/${hostSet}`;
    if (!this.#hosts.has(key)) this.#hosts.set(key, this.#planHosts(tier, hostSet));
    return this.#hosts.get(key);
  }

  #planHosts(tier: number, hostSet: HostSet): PlannedHosts | undefined {
    const usage = this.usages[tier];
    const members = membersOfTier(this.failover, tier, hostSet);
    if (usage === undefined || members.length === 0) return undefined;
    const rotations = members.map((member) => this.#planGroups(member, hostSet, usage));
    const weights = members.map((member) => member.weight);
    const names = members.map(nameOfMember);
    return { tier, usage, members: new Rotating(rotations, weights, names) };
  }

  #planGroups(member: TierMember, hostSet: HostSet, usage: TierUsage): Rotating<PlannedGroup> {
    const groups = member.groups.map(({ group }) => this.#planGroup(group, hostSet, usage));
    const weights = member.groups.map(({ weight }) => weight);
    const names = member.groups.map(({ group }) => nameOfGroup(group));
    return new Rotating(groups, weights, names);
  }

  #planGroup(group: HostGroup, hostSet: HostSet, usage: TierUsage): PlannedGroup {
    const { sharePercent, cluster } = group;
    const locality = localityKey(group.locality);
    if (!group.local) {
      const panic = hostSet === 'any';
      const destination: TrunkDestination = { kind: 'trunk', cluster, locality, panic, tier: usage };
      return { kind: 'trunk', sharePercent, destination };
    }
    const { byLocality, everywhere } = this.#localHosts;
    const endpoints = (byLocality.get(locality)?.endpoints ?? everywhere)[hostSet];
    const candidates = endpoints.map((destination) => ({ ...destination, tier: usage }));
    return { kind: 'local', sharePercent, candidates };
  }
}

/** A cluster that the policy names is one member; of any other each locality is one. */
function nameOfMember({ cluster, groups }: TierMember): string {
  const first = groups[0]?.group;
  return first === undefined || first.clusterWeight !== undefined ? cluster : nameOfGroup(first);
}

function nameOfGroup({ cluster, locality }: HostGroup): string {
  return `${cluster} ${localityKey(locality)}`;
}
