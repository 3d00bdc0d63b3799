/** The hosts of one tier, added up over the clusters that count. */
export interface TierHosts {
  readonly hosts: number;
  readonly healthy: number;
  readonly degraded: number;
  /** Hosts whose first active check is pending. */
  readonly excluded: number;
  /** Sum of f (0 to 100) times hosts over the clusters. */
  readonly sharedHosts: number;
  /** Healthy and degraded hosts of the clusters whose f is not 0. */
  readonly admittedHealthy: number;
  readonly admittedDegraded: number;
  /** Whole percent. */
  readonly maxSharePercent: number;
}

export interface LoadRules {
  /** Whole percent: a factor of 1.4 is 140. */
  readonly overprovisioningPercent: number;
  /** 0 = never. */
  readonly panicThresholdPercent: number;
}

/** One tier's numbers, each named as in the formula that it comes from. Whole percent. */
export interface TierLoad {
  readonly capPercent: number;
  /** H: what its healthy hosts can take. */
  readonly healthyPercent: number;
  /** D: what its degraded hosts can take beside them. */
  readonly degradedPercent: number;
  /** Its hosts' health is not looked at. */
  readonly panic: boolean;
  readonly healthyLoad: number;
  readonly degradedLoad: number;
  /** All that it gets: both of the above, or by its number of hosts when all tiers are in panic. */
  readonly load: number;
}

export interface Loads {
  readonly tiers: readonly TierLoad[];
  /** N, with the caps that were applied. */
  readonly availablePercent: number;
  /** N without caps: decides on panic. */
  readonly uncappedPercent: number;
  /** The caps alone would have left nothing. */
  readonly capsIgnored: boolean;
  readonly totalPanic: boolean;
}

interface Capacity {
  readonly capPercent: number;
  readonly healthyPercent: number;
  readonly degradedPercent: number;
}

/**
 * Envoy's priority levels, floors included, with a cap per tier. The loads add up to 100, or are all 0 when nothing
 * can be served.
 */
export function tierLoads(tiers: readonly TierHosts[], rules: LoadRules): Loads {
  const free = tiers.map((tier) => capacity(tier, 100, rules));
  const capped = tiers.map((tier) => capacity(admitted(tier), capPercent(tier), rules));
  const uncappedPercent = available(free);
  const panics = tiers.map((tier) => uncappedPercent !== 100 && belowPanicThreshold(tier, rules));
  const totalPanic = tiers.some((tier) => tier.hosts > 0) && panics.every((panic) => panic);
  const capsIgnored = !totalPanic && available(capped) === 0 && uncappedPercent > 0;
  const capacities = capsIgnored ? free : capped;
  const { healthy, degraded } = passes(capacities);
  const byHosts = totalPanic ? loadsByHosts(tiers) : undefined;
  const loads = capacities.map((tier, index): TierLoad => {
    const healthyLoad = totalPanic ? 0 : (healthy[index] ?? 0);
    const degradedLoad = totalPanic ? 0 : (degraded[index] ?? 0);
    return {
      capPercent: tier.capPercent,
      healthyPercent: tier.healthyPercent,
      degradedPercent: tier.degradedPercent,
      panic: panics[index] === true && (tiers[index]?.hosts ?? 0) > 0,
      healthyLoad,
      degradedLoad,
      load: byHosts?.[index] ?? healthyLoad + degradedLoad,
    };
  });
  return { tiers: loads, availablePercent: available(capacities), uncappedPercent, capsIgnored, totalPanic };
}

function capPercent(tier: TierHosts): number {
  if (tier.hosts === 0) return 0;
  return Math.floor((tier.sharedHosts * tier.maxSharePercent) / (100 * tier.hosts));
}

/** The tier without healthy hosts that nothing may be sent to: else load would come to it that it cannot place. */
function admitted(tier: TierHosts): TierHosts {
  return {
    ...tier,
    healthy: tier.admittedHealthy === 0 ? 0 : tier.healthy,
    degraded: tier.admittedDegraded === 0 ? 0 : tier.degraded,
  };
}

function capacity(tier: TierHosts, cap: number, rules: LoadRules): Capacity {
  const checked = tier.hosts - tier.excluded;
  const takes = (hosts: number) =>
    checked <= 0 ? 0 : Math.floor((rules.overprovisioningPercent * hosts) / checked);
  const healthyPercent = Math.min(cap, 100, takes(tier.healthy));
  const degradedPercent = Math.min(cap - healthyPercent, takes(tier.degraded));
  return { capPercent: cap, healthyPercent, degradedPercent };
}

function available(capacities: readonly Capacity[]): number {
  const sum = capacities.reduce((total, tier) => total + tier.healthyPercent + tier.degradedPercent, 0);
  return Math.min(100, sum);
}

function belowPanicThreshold(tier: TierHosts, rules: LoadRules): boolean {
  const checked = tier.hosts - tier.excluded;
  if (checked <= 0) return rules.panicThresholdPercent > 0;
  return 100 * (tier.healthy + tier.degraded) < rules.panicThresholdPercent * checked;
}

/** Healthy hosts first, then degraded ones; then what the floors have left. */
function passes(capacities: readonly Capacity[]): { healthy: number[]; degraded: number[] } {
  const total = available(capacities);
  const healthy = capacities.map(() => 0);
  const degraded = capacities.map(() => 0);
  if (total === 0) return { healthy, degraded };
  let remaining = 100;
  for (const [index, tier] of capacities.entries()) {
    const load = Math.min(remaining, Math.floor((tier.healthyPercent * 100) / total));
    healthy[index] = load;
    remaining -= load;
  }
  for (const [index, tier] of capacities.entries()) {
    const load = Math.min(remaining, Math.floor((tier.degradedPercent * 100) / total));
    degraded[index] = load;
    remaining -= load;
  }
  if (total < 100) remaining -= addLostPoints(capacities, healthy, degraded, total);
  const first = capacities.findIndex((tier) => tier.healthyPercent > 0);
  if (first >= 0) addTo(healthy, first, remaining);
  else
    addTo(
      degraded,
      capacities.findIndex((tier) => tier.degradedPercent > 0),
      remaining,
    );
  return { healthy, degraded };
}

/**
 * A tier with healthy and degraded hosts is rounded down twice. The point that this may cost it is given back first,
 * out of what remains: without that a tier could lose load because one of its hosts got well.
 * @returns how many points were given
 */
function addLostPoints(
  capacities: readonly Capacity[],
  healthy: number[],
  degraded: readonly number[],
  total: number,
): number {
  let given = 0;
  for (const [index, tier] of capacities.entries()) {
    const both = Math.floor(((tier.healthyPercent + tier.degradedPercent) * 100) / total);
    const lost = both - (healthy[index] ?? 0) - (degraded[index] ?? 0);
    addTo(healthy, index, lost);
    given += lost;
  }
  return given;
}

function addTo(loads: number[], index: number, points: number): void {
  loads[index] = (loads[index] ?? 0) + points;
}

function loadsByHosts(tiers: readonly TierHosts[]): number[] {
  const sum = tiers.reduce((total, tier) => total + tier.hosts, 0);
  const loads = tiers.map((tier) => Math.floor((100 * tier.hosts) / sum));
  const first = tiers.findIndex((tier) => tier.hosts > 0);
  const given = loads.reduce((total, load) => total + load, 0);
  addTo(loads, first, 100 - given);
  return loads;
}
