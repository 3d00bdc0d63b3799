import { type HostSet, pickPortion } from '../../federation/failover/pick.ts';
import type { Candidates } from './candidates.ts';
import { currentPlan } from './current-plan.ts';
import {
  type Choice,
  type Destination,
  type LocalDestination,
  NO_HEALTHY_UPSTREAM,
  NO_LOCAL_ENDPOINT,
  NOTHING_TRIED,
  OVERFLOW,
} from './destination.ts';
import { currentLocalHosts } from './failover-input.ts';
import type { FitEndpoints } from './local-hosts.ts';
import type { Route } from './route.ts';
import type { PlannedGroup, PlannedHosts, RoutePlan } from './route-plan.ts';
import type { RouteTable } from './route-table.ts';

const HOST_SETS: readonly HostSet[] = ['healthy', 'degraded'];
const HOST_SETS_IN_PANIC: readonly HostSet[] = ['any'];

/**
 * Where a request goes. Tier, cluster and locality come from the route's plan in turn, so that over each 100 first
 * tries the shares are exact; among local endpoints the balancer chooses.
 * @param nowMs Unix ms
 */
export function choose(nowMs: number, table: RouteTable, route: Route, choice: Choice): Destination {
  if (choice.localOnly) return chooseArrived(nowMs, route, choice);
  const plan = currentPlan(nowMs, table, route);
  const portion = plan.portions[nextPortion(route, plan, choice.hash)];
  if (portion === undefined) return NO_HEALTHY_UPSTREAM;
  if (portion.usage.inFlight >= portion.usage.limit) {
    return chooseFromTiers(nowMs, plan, choice, portion.tier + 1) ?? OVERFLOW;
  }
  const group =
    choice.hash === undefined
      ? portion.members.next()?.next()
      : portion.members.at(choice.hash)?.at(choice.hash);
  if (group !== undefined && choice.tried === NOTHING_TRIED) {
    return group.kind === 'trunk' ? group.destination : group.candidates.pick(nowMs, choice.hash);
  }
  return chooseAgain(nowMs, plan, choice, portion, group);
}

function nextPortion(route: Route, plan: RoutePlan, hash: number | undefined): number {
  if (hash !== undefined) return pickPortion(plan.failover.portions, hash);
  const { state } = route;
  const turn = state.turn;
  state.turn = turn === 99 ? 0 : turn + 1;
  return plan.turns[turn] ?? -1;
}

/** A try after others: what was tried is left out, and the plan's own choice comes first. */
function chooseAgain(
  nowMs: number,
  plan: RoutePlan,
  choice: Choice,
  portion: PlannedHosts,
  group: PlannedGroup | undefined,
): Destination {
  const found =
    (group === undefined ? undefined : untriedOf(nowMs, group, choice)) ??
    untriedAmong(nowMs, portion, choice, false) ??
    chooseFromTiers(nowMs, plan, choice, 0);
  return found ?? NO_HEALTHY_UPSTREAM;
}

/**
 * The first tier from `from` on that has an untried host: healthy before degraded, and clusters that are held down
 * only when no other is left. OVERFLOW when all that was left is at its bound.
 */
function chooseFromTiers(
  nowMs: number,
  plan: RoutePlan,
  choice: Choice,
  from: number,
): Destination | undefined {
  let full = false;
  for (const heldDown of [false, true]) {
    for (let tier = from; tier < plan.usages.length; tier++) {
      const panic = plan.failover.tiers[tier]?.load.panic === true;
      for (const hostSet of panic ? HOST_SETS_IN_PANIC : HOST_SETS) {
        const hosts = plan.hosts(tier, hostSet);
        if (hosts === undefined) continue;
        const found = untriedAmong(nowMs, hosts, choice, heldDown);
        if (found === undefined) continue;
        if (hosts.usage.inFlight < hosts.usage.limit) return found;
        full = true;
      }
    }
  }
  return full ? OVERFLOW : undefined;
}

function untriedAmong(
  nowMs: number,
  hosts: PlannedHosts,
  choice: Choice,
  heldDown: boolean,
): Destination | undefined {
  // Without a hash another member begins each time, so that those who are sent elsewhere spread out.
  const first = choice.hash === undefined ? hosts.members.next() : hosts.members.at(choice.hash);
  const members = first === undefined ? [] : [first, ...hosts.members.items];
  for (const member of members) {
    for (const group of member.items) {
      if (!heldDown && group.sharePercent === 0) continue;
      const found = untriedOf(nowMs, group, choice);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function untriedOf(nowMs: number, group: PlannedGroup, choice: Choice): Destination | undefined {
  if (group.kind === 'trunk') {
    return choice.tried.clusters.includes(group.destination.cluster) ? undefined : group.destination;
  }
  return pickUntried(nowMs, group.candidates, choice);
}

/** What came over a trunk: only the own endpoints, of the locality that was chosen while one there is fit. */
function chooseArrived(nowMs: number, route: Route, choice: Choice): Destination {
  const { byLocality, everywhere } = currentLocalHosts(route);
  const near = choice.locality === undefined ? undefined : byLocality.get(choice.locality)?.endpoints;
  const nearest = near !== undefined && near.healthy.length > 0 ? near.healthy : everywhere.healthy;
  if (nearest.length > 0 && !choice.panic && choice.tried === NOTHING_TRIED) {
    return nearest.pick(nowMs, choice.hash);
  }
  for (const candidates of arrivalOrder(near ?? everywhere, everywhere, choice.panic)) {
    const found = pickUntried(nowMs, candidates, choice);
    if (found !== undefined) return found;
  }
  return NO_LOCAL_ENDPOINT;
}

/**
 * Health is looked past only where the source gateway does so too: else it knows better places than unfit
 * endpoints, and is told to go there.
 */
function arrivalOrder(near: FitEndpoints, everywhere: FitEndpoints, panic: boolean): readonly Candidates[] {
  return panic
    ? [near.serving, everywhere.serving]
    : [near.healthy, everywhere.healthy, near.degraded, everywhere.degraded];
}

function pickUntried(nowMs: number, candidates: Candidates, choice: Choice): LocalDestination | undefined {
  const untried = candidates.without(choice.tried);
  return untried.length === 0 ? undefined : untried.pick(nowMs, choice.hash);
}
