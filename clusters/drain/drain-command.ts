import type { ClusterName } from '../../federation/model/cluster.ts';
import { MAX_DRAIN_MS } from '../../federation/model/drain.ts';
import { elapsed } from '../../federation/model/elapsed.ts';
import { UserError } from '../../federation/model/user-error.ts';
import type { CommandOutput } from '../commands/command-output.ts';
import { nameSome } from '../commands/name-some.ts';
import { usageError } from '../commands/usage-error.ts';
import { duration } from '../schema/duration.ts';
import { type DrainSight, type DrainSite, drainOf } from './drain-site.ts';
import { type DrainClock, followDrain, followReturn } from './drain-watch.ts';

export interface DrainFlags {
  readonly over: string;
  readonly force?: boolean;
  /** False for `--no-wait`. */
  readonly wait: boolean;
}

export interface DrainContext extends DrainClock {
  readonly site: DrainSite;
  readonly output: CommandOutput;
}

/** `isthmus cluster drain NAME`: ends when nothing is left of its share, or with `--no-wait` when it is ordered. */
export async function drainCommand(
  cluster: ClusterName,
  flags: DrainFlags,
  context: DrainContext,
): Promise<void> {
  const { site, output } = context;
  const overMs = parseOver(flags.over);
  const sight = await site.sight();
  const kept = lastMemberOf(sight, cluster);
  const before = await site.order(cluster);
  const changed = before?.overMs !== overMs;
  if (changed) {
    objectToLoss(sight, cluster, kept, flags.force === true, output);
    await site.write(cluster, { sinceMs: sight.nowMs, overMs });
  }
  const last = flags.wait ? await followDrain(cluster, context) : sight;
  const drain = drainOf(last, cluster);
  const takenPercent = drain?.kind === 'draining' ? drain.takenPercent : 0;
  const scope = scopeOf(sight, cluster);
  output.result({ cluster, scope, over: duration.encode(overMs), changed, takenPercent, kept }, () =>
    flags.wait
      ? `${output.style('green', '✔')} ${cluster} is drained ${SCOPES[scope](sight)}; what is under way there ends by itself`
      : `${output.style('green', '✔')} ${cluster} ${changed ? 'begins to be' : 'is being'} drained ${SCOPES[scope](sight)}, over ${elapsed(overMs)}`,
  );
}

export type UndrainFlags = Pick<DrainFlags, 'wait'>;

/** `isthmus cluster undrain NAME`: ends when it has its full share again, or with `--no-wait` when that is ordered. */
export async function undrainCommand(
  cluster: ClusterName,
  { wait }: UndrainFlags,
  context: DrainContext,
): Promise<void> {
  const { site, output } = context;
  const sight = await site.sight();
  knownMember(sight, cluster);
  const changed = (await site.order(cluster)) !== undefined;
  if (changed) await site.write(cluster, undefined);
  const last = wait && changed ? await followReturn(cluster, context) : sight;
  const takenPercent = drainOf(last, cluster)?.takenPercent ?? 0;
  const announced = last.peers.find((peer) => peer.cluster === cluster)?.announcedDrain;
  if (announced?.kind === 'draining') {
    output.warn(`${cluster} is drained by its own order too: isthmus cluster undrain ${cluster}, there`);
  }
  const scope = scopeOf(sight, cluster);
  output.result({ cluster, scope, changed, takenPercent }, () => {
    if (!changed) return `${cluster} was not drained ${SCOPES[scope](sight)}`;
    const has = wait ? 'has its full share again' : 'gets its share back by steps';
    return `${output.style('green', '✔')} ${cluster} ${has} ${SCOPES[scope](sight)}`;
  });
}

/** Whose requests a drain takes away: those of all clusters, or of the one that orders it. */
type Scope = 'everywhere' | 'here';

const SCOPES: Readonly<Record<Scope, (sight: DrainSight) => string>> = {
  everywhere: () => 'in all clusters',
  here: ({ cluster }) => `for what comes in at ${cluster}`,
};

function scopeOf(sight: DrainSight, cluster: ClusterName): Scope {
  return cluster === sight.cluster ? 'everywhere' : 'here';
}

/** @throws UserError when there is no such member */
function knownMember(sight: DrainSight, cluster: ClusterName): DrainSight['peers'][number] | undefined {
  if (cluster === sight.cluster) return undefined;
  const peer = sight.peers.find((each) => each.cluster === cluster);
  if (peer !== undefined && peer.reach !== 'left') return peer;
  const names = [sight.cluster, ...sight.peers.map((each) => each.cluster)].sort();
  throw new UserError(
    peer === undefined
      ? `${sight.cluster} knows no cluster ${cluster}`
      : `${cluster} has left the clusterset`,
    { hint: `there are: ${names.join(', ')}` },
  );
}

function lastMemberOf(sight: DrainSight, cluster: ClusterName): readonly string[] {
  return (knownMember(sight, cluster) ?? sight).lastMemberOf;
}

/** @throws UserError when some services would have nowhere to go, and that was not meant */
function objectToLoss(
  sight: DrainSight,
  cluster: ClusterName,
  kept: readonly string[],
  force: boolean,
  output: CommandOutput,
): void {
  if (kept.length === 0) return;
  const whose =
    cluster === sight.cluster ? 'no other cluster' : `no other cluster that ${sight.cluster} knows`;
  const sentence = `${whose} has a host for ${nameSome(kept)}`;
  if (force) {
    output.warn(`${sentence}: ${cluster} keeps their requests`);
    return;
  }
  throw new UserError(`${cluster} should not be drained yet: ${sentence}`, {
    hint: 'start them elsewhere, or drain it of all others with --force',
  });
}

function parseOver(text: string): number {
  const parsed = duration.safeParse(text);
  if (parsed.success && parsed.data <= MAX_DRAIN_MS) return parsed.data;
  throw usageError(`--over ${text}: is not a duration from 0s to 24h`, 'for example 10m, or 0s for at once');
}
