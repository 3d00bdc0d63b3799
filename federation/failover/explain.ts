import type { ClusterName, Locality, PeerReach } from '../model/cluster.ts';
import type { FailoverPolicy } from '../model/policy.ts';
import type {
  ExplainedCluster,
  ExplainedGroup,
  ExplainedPolicy,
  ExplainedTier,
  RouteExplanation,
} from './explanation.ts';
import { clusterShares, type FailoverPlan, failoverActive, groupShares, type TierPlan } from './plan.ts';
import { decisionText, policyName, selectorText, standingName, standingText } from './sentences.ts';
import type { TrunkSight } from './standing.ts';
import type { Candidate } from './tier-groups.ts';

/** What is known of a peer beside what the arithmetic needs. */
export interface PeerSight {
  readonly reach: PeerReach;
  /** Unix ms; 0 when no head was read. */
  readonly lastSeenMs: number;
  readonly offerChangedAtMs: number;
  readonly trunk: TrunkSight['kind'];
}

/** Where and when a plan was made, to be told with it. */
export interface ExplanationContext {
  readonly target: string;
  readonly nowMs: number;
  readonly cluster: ClusterName;
  readonly supposed: { readonly down: readonly ClusterName[]; readonly from: Locality | undefined };
  readonly peers: ReadonlyMap<ClusterName, PeerSight>;
}

/** A plan and all numbers that led to it, as plain JSON. */
export function explainPlan(plan: FailoverPlan, context: ExplanationContext): RouteExplanation {
  const { input, loads } = plan;
  const { down, from } = context.supposed;
  return {
    target: context.target,
    atMs: context.nowMs,
    source: { cluster: context.cluster, locality: input.source },
    supposed: { down, from: from ?? null },
    policy: explainPolicy(input.policy),
    clusters: input.candidates.map((candidate) => explainCluster(candidate, context)),
    tiers: plan.tiers.map((tier, index) => explainTier(plan, tier, index)),
    availablePercent: loads.availablePercent,
    uncappedPercent: loads.uncappedPercent,
    capsIgnored: loads.capsIgnored,
    totalPanic: loads.totalPanic,
    failoverActive: failoverActive(plan),
    shares: [...clusterShares(plan)]
      .map(([cluster, percent]) => ({ cluster, percent: rounded(percent) }))
      .sort((a, b) => b.percent - a.percent || (a.cluster < b.cluster ? -1 : 1)),
    decision: decisionText(plan),
    changesAtMs: Number.isFinite(plan.validUntilMs) ? plan.validUntilMs : null,
  };
}

function explainPolicy(policy: FailoverPolicy): ExplainedPolicy {
  const { holdDownMs, minHealthyPercent, steps, intervalMs } = policy.failback;
  return {
    name: policyName(policy),
    overprovisioningPercent: Math.round(policy.overprovisioningFactor * 100),
    panicThresholdPercent: policy.panicThresholdPercent,
    staleAfterMs: policy.staleAfterMs,
    failback: { holdDownMs, minHealthyPercent, steps, intervalMs },
  };
}

function explainCluster(candidate: Candidate, context: ExplanationContext): ExplainedCluster {
  const { cluster, local, localities, standing } = candidate;
  const sum = (count: 'hosts' | 'healthy' | 'degraded' | 'excluded') =>
    localities.reduce((total, locality) => total + locality[count], 0);
  const peer = context.peers.get(cluster);
  const age = (atMs: number | undefined) =>
    atMs === undefined || atMs === 0 ? null : Math.max(0, context.nowMs - atMs);
  return {
    cluster,
    local,
    counted: standing.kind === 'counted',
    sharePercent: standing.kind === 'counted' ? standing.sharePercent : 0,
    standing: standingName(standing),
    reason: standingText(standing, context.nowMs),
    hosts: sum('hosts'),
    healthy: sum('healthy'),
    degraded: sum('degraded'),
    excluded: sum('excluded'),
    offerAgeMs: age(peer?.offerChangedAtMs),
    lastSeenAgeMs: age(peer?.lastSeenMs),
    reach: peer?.reach ?? null,
    trunk: peer?.trunk ?? null,
  };
}

function explainTier(
  plan: FailoverPlan,
  { tier, hosts, load, groups }: TierPlan,
  index: number,
): ExplainedTier {
  const shares = groupShares(plan, index);
  return {
    tier: index + 1,
    selector: selectorText(tier.selector),
    hosts: hosts.hosts,
    healthy: hosts.healthy,
    degraded: hosts.degraded,
    excluded: hosts.excluded,
    maxSharePercent: hosts.maxSharePercent,
    capPercent: load.capPercent,
    healthyPercent: load.healthyPercent,
    degradedPercent: load.degradedPercent,
    panic: load.panic,
    loadPercent: load.load,
    healthyLoadPercent: load.healthyLoad,
    degradedLoadPercent: load.degradedLoad,
    maxConcurrent: tier.maxConcurrent ?? null,
    groups: groups.map((group): ExplainedGroup => {
      const { cluster, locality, weight, sharePercent } = group;
      const { hosts, healthy, degraded, excluded } = group;
      const clusterWeight = group.clusterWeight ?? null;
      const finalPercent = rounded(shares.get(group) ?? 0);
      const counts = { hosts, healthy, degraded, excluded };
      return { cluster, locality, ...counts, weight, clusterWeight, sharePercent, finalPercent };
    }),
  };
}

function rounded(percent: number): number {
  return Math.round(percent * 100) / 100;
}
