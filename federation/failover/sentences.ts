import type { ClusterName } from '../model/cluster.ts';
import type { TierSelector } from '../model/policy.ts';
import type { DrainVoice } from './failback.ts';
import { clusterShares, type FailoverPlan, type TierPlan } from './plan.ts';
import type { Standing } from './standing.ts';

/** A tier's selector as people say it. */
export function selectorText(selector: TierSelector): string {
  switch (selector.kind) {
    case 'same-zone':
      return 'same zone';
    case 'same-region':
      return 'same region';
    case 'any':
      return 'everywhere';
    case 'region':
      return selector.zone === undefined
        ? `region ${selector.region}`
        : `zone ${selector.region}/${selector.zone}`;
    case 'clusters':
      return selector.clusters.map(({ cluster, weight }) => `${cluster} (weight ${weight})`).join(', ');
  }
}

/** A duration in its two biggest units, e.g. `2 m 5 s`. */
export function durationText(durationMs: number): string {
  const ms = Math.max(0, Math.round(durationMs));
  if (ms < 1000) return `${ms} ms`;
  const seconds = Math.round(ms / 1000);
  const units: readonly [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ];
  const first = units.findIndex(([count]) => count > 0);
  return units
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

/** `namespace/name`, or the name alone of what holds without an object. */
export function policyName({
  namespace,
  name,
}: {
  readonly namespace: string;
  readonly name: string;
}): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}

/** The name of a standing in the record. */
export function standingName(standing: Standing): string {
  return standing.kind === 'counted' ? standing.phase.kind : standing.absence.kind;
}

/** Why a cluster counts as it does. */
export function standingText(standing: Standing, nowMs: number): string {
  if (standing.kind === 'absent') return absenceText(standing, nowMs);
  const { phase, sharePercent } = standing;
  switch (phase.kind) {
    case 'steady':
      return 'full share: never seen failing';
    case 'failing':
      return `no share: its hosts are failing for ${durationText(nowMs - phase.sinceMs)}`;
    case 'held-down':
      return `held down for another ${durationText(phase.untilMs - nowMs)}`;
    case 'stepping':
      return (
        `${sharePercent} % of its share: step ${phase.step} of ${phase.steps}, ` +
        `the next in ${durationText(phase.nextAtMs - nowMs)}`
      );
    case 'returned':
      return `full share: came back ${durationText(nowMs - phase.healthySinceMs)} ago`;
    case 'draining':
      return nowMs < phase.sinceMs
        ? `full share: ${DRAINS[phase.by]} from in ${durationText(phase.sinceMs - nowMs)} on`
        : `${sharePercent} % of its share: ${DRAINS[phase.by]}, nothing is left in ${durationText(phase.untilMs - nowMs)}`;
    case 'drained':
      return `no share: ${DRAINS[phase.by]}, nothing is left since ${durationText(nowMs - phase.sinceMs)}`;
  }
}

const DRAINS: Readonly<Record<DrainVoice, string>> = {
  itself: 'it drains itself',
  here: 'it is drained here',
};

function absenceText(standing: Extract<Standing, { kind: 'absent' }>, nowMs: number): string {
  const { absence } = standing;
  switch (absence.kind) {
    case 'left':
      return 'not counted: it left the clusterset';
    case 'failing':
      return `not counted: failing for ${durationText(nowMs - absence.sinceMs)}`;
    case 'trunk-lost':
      return `not counted: its trunk was lost ${durationText(nowMs - absence.sinceMs)} ago`;
    case 'stale':
      return `not counted: nothing new of it for ${durationText(nowMs - absence.lastSeenMs)}, and no trunk answers`;
    case 'supposed-down':
      return 'not counted: supposed to be down';
  }
}

/** How the loads came about, one sentence for each tier that takes some, or why none does. */
export function decisionText(plan: FailoverPlan): readonly string[] {
  const { loads, tiers } = plan;
  if (plan.portions.length === 0) return [nothingText(plan)];
  if (loads.totalPanic) {
    return [
      `All tiers are in panic, for fewer than ${plan.input.policy.panicThresholdPercent} % of their hosts are fit: ` +
        'health is not looked at, and each tier takes its share of all hosts.',
      ...tiers.flatMap((tier, index) =>
        tier.load.load > 0
          ? [`Tier ${index + 1} takes ${tier.load.load} %: it has ${count(tier.hosts.hosts, 'host')}.`]
          : [],
      ),
    ];
  }
  const sentences = tiers.flatMap((tier, index) => (tier.load.load > 0 ? [tierText(tier, index, plan)] : []));
  const last = lastMembers(plan);
  if (last.length > 0) {
    const [drained, keeps] = last.length === 1 ? ['is', 'keeps'] : ['are', 'keep'];
    return [
      `${last.join(' and ')} ${drained} drained, and ${keeps} all requests all the same: no other cluster has a host that could take them.`,
      ...sentences,
    ];
  }
  return loads.capsIgnored
    ? ['The caps alone would leave nothing, so they are ignored: availability comes first.', ...sentences]
    : sentences;
}

/** The drained clusters, where all requests go to them: nobody else has hosts for these. */
function lastMembers(plan: FailoverPlan): readonly ClusterName[] {
  const shares = clusterShares(plan);
  const drained = plan.input.candidates.filter(({ standing }) => isDrained(standing));
  const serving = drained.filter(({ cluster }) => (shares.get(cluster) ?? 0) > 0);
  return [...shares.keys()].every((name) => serving.some(({ cluster }) => cluster === name))
    ? serving.map(({ cluster }) => cluster)
    : [];
}

function isDrained(standing: Standing): boolean {
  if (standing.kind === 'absent' || standing.sharePercent === 100) return false;
  return standing.phase.kind === 'draining' || standing.phase.kind === 'drained';
}

function nothingText(plan: FailoverPlan): string {
  const hosts = plan.tiers.reduce((total, tier) => total + tier.hosts.hosts, 0);
  return hosts === 0
    ? 'No cluster that counts has a host for it: requests are answered with 503.'
    : `None of ${count(hosts, 'host')} is fit, and the policy never panics: requests are answered with 503.`;
}

function tierText(tier: TierPlan, index: number, plan: FailoverPlan): string {
  const { load, hosts } = tier;
  const checked = hosts.hosts - hosts.excluded;
  const fit = hosts.degraded === 0 ? '' : ` and ${hosts.degraded} degraded`;
  const could = uncappedPercent(tier, plan);
  const capped = load.capPercent < could ? `, capped at ${load.capPercent} %` : '';
  const panic = load.panic ? ' It is in panic: all its hosts are used.' : '';
  return (
    `Tier ${index + 1} takes ${load.load} %: ${hosts.healthy} of ${count(checked, 'host')} healthy${fit}, ` +
    `times ${plan.input.policy.overprovisioningFactor} = ${could} %${capped}${limitText(tier, index, plan)}.${panic}`
  );
}

/** What the tier's hosts could take if nothing capped them. */
function uncappedPercent({ hosts }: TierPlan, plan: FailoverPlan): number {
  const checked = hosts.hosts - hosts.excluded;
  const factor = Math.round(plan.input.policy.overprovisioningFactor * 100);
  const takes = (available: number) => (checked <= 0 ? 0 : Math.floor((factor * available) / checked));
  return Math.min(100, takes(hosts.healthy) + takes(hosts.degraded));
}

/** Why a tier takes another load than it could. */
function limitText(tier: TierPlan, index: number, plan: FailoverPlan): string {
  const { load } = tier;
  const before = plan.tiers.slice(0, index).reduce((total, earlier) => total + earlier.load.load, 0);
  if (load.load === load.healthyPercent + load.degradedPercent) return '';
  if (plan.loads.availablePercent < 100) return `; all tiers together have ${plan.loads.availablePercent} %`;
  return before > 0 ? `; the tiers before it leave ${100 - before} %` : '';
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
