import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { UserError } from '../../federation/model/user-error.ts';
import type { CommandOutput } from '../commands/command-output.ts';
import type { Confirm } from '../commands/confirmation.ts';
import { farewell } from '../commands/farewell.ts';
import { askPerson, type LeaveWish } from '../commands/leave-command.ts';
import { removedText, unfinished } from '../commands/removal-text.ts';
import { KubeError } from '../kubernetes/kube-error.ts';
import { countImports, type LeftoversReport, removeLeftovers } from '../kubernetes/leftovers.ts';
import { leadingPod } from './leading-pod.ts';
import type { OpenRelease } from './open-release.ts';
import type { PodSight } from './pod-sight.ts';
import { accepted, jsonOf, statusThere } from './release-program.ts';

/** Who wants it, and how they are spoken to. */
export interface LeavePerson {
  readonly output: CommandOutput;
  readonly signal: AbortSignal;
  /** undefined where nobody can be asked. */
  readonly confirm: Confirm | undefined;
}

const AGAIN_MS = 1_000;
/** kubelet may wait before it starts a container again that has just ended. */
const END_MS = 120_000;
const MAX_LEADERS = 3;

/** It was not the one that leads: that one is to be asked. */
const otherReplica = z.object({ left: z.literal(false), code: z.literal('other-replica') });
const answer = z.object({ clusterset: z.string(), remaining: z.array(z.string()).default([]) });
const member = z.object({
  clusterset: z.string(),
  trustHome: z.boolean().default(false),
  federation: z.object({
    onlyHere: z.array(z.string()).default([]),
    peers: z.array(z.object({ cluster: z.string(), reach: z.string() })),
    store: z.object({ state: z.string(), exportedServices: z.number() }),
  }),
});

/**
 * `isthmus cluster leave --context`: the replica that leads says the last word and ends the membership; when all replicas
 * have heard of it, what they made of imports is removed. Run again, it goes on from there.
 */
export async function leaveByContext(
  open: OpenRelease,
  flags: LeaveWish,
  { output, signal, confirm }: LeavePerson,
): Promise<void> {
  const { site, release } = open;
  const isMember = await site.isMember(release);
  const isSaid = flags.yes === true || flags.force === true;
  const wish = isSaid || confirm === undefined ? flags : await askedWish(open, isMember, output, confirm);
  if (!isMember && wish.yes !== true && wish.force !== true) {
    throw new UserError(`${release.cluster} is a member of no clusterset`, {
      hint: 'with --yes what is left of an earlier membership is removed',
    });
  }
  const said = isMember ? await leave(open, wish, output, signal) : undefined;
  output.progress('removing what was imported');
  const swept = await sweep(open, output, signal);
  const { removed, failures } = swept;
  const remaining = said?.remaining ?? [];
  output.result(
    {
      cluster: release.cluster,
      clusterset: said?.clusterset ?? null,
      left: isMember,
      removed,
      failures,
      remaining,
    },
    () => summary(open, said?.clusterset, swept, remaining, output),
  );
  if (failures > 0) throw unfinished('not all that was imported is removed', swept, leaveAgain(open));
}

/** Shows what would end, and takes a person's yes for all of it. @throws UserError when it is a no */
async function askedWish(
  open: OpenRelease,
  isMember: boolean,
  output: CommandOutput,
  confirm: Confirm,
): Promise<LeaveWish> {
  const { cluster } = open.release;
  output.progress(`looking at what ${cluster} has with the clusterset`);
  const imported = Object.entries(await importsOf(open)).map(([plural, count]) => `${count} ${plural}`);
  const goes = `what was imported is removed: ${imported.join(', ')}`;
  if (!isMember) {
    output.note(`${cluster} is a member of no clusterset; ${goes}`);
    if (await confirm('Remove what is left?')) return { yes: true };
    throw new UserError('nothing was changed', { hint: 'answer y, or say --yes, to remove it' });
  }
  const look = async () => {
    const { clusterset, trustHome, federation } = await statusThere(member, open);
    const parting = farewell({ cluster, clusterset, trustHome }, federation);
    return { ...parting, ends: [...parting.ends, goes] };
  };
  const { objections } = await askPerson(look, output, confirm);
  return { yes: true, force: objections.length > 0 };
}

async function importsOf({ site }: OpenRelease): Promise<Readonly<Record<string, number>>> {
  try {
    return await countImports(site.client);
  } catch (failure) {
    if (!(failure instanceof KubeError)) throw failure;
    throw new UserError(`context ${site.context}: ${failure.message}`, {
      hint: 'the context must be allowed to list and delete Services, EndpointSlices and ServiceImports of all namespaces',
      cause: failure,
    });
  }
}

async function leave(open: OpenRelease, wish: LeaveWish, output: CommandOutput, signal: AbortSignal) {
  const { site, release } = open;
  const before = await site.pods(release, 'federation');
  const said = await sayLastWord(open, wish, output);
  const endsMs = performance.now() + END_MS;
  for (;;) {
    const late = stillMembers(before, await site.pods(release, 'federation'));
    if (late.length === 0) return said;
    if (performance.now() > endsMs) {
      throw new UserError(
        `${release.cluster} has left, but ${late.join(', ')} did not end in ${END_MS / 1_000} s`,
        { hint: 'see their logs, then run this again: it removes what was imported' },
      );
    }
    output.progress(`waiting for ${late.join(', ')} to end as a member`);
    await sleep(AGAIN_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** Pods that run on as they did before the membership ended: one that has heard of it starts again. */
export function stillMembers(before: readonly PodSight[], now: readonly PodSight[]): readonly string[] {
  return before
    .filter((earlier) =>
      now.some(({ name, restarts }) => name === earlier.name && restarts <= earlier.restarts),
    )
    .map(({ name }) => name);
}

async function sayLastWord(open: OpenRelease, wish: LeaveWish, output: CommandOutput) {
  const { site, release } = open;
  const args = ['cluster', 'leave', '--output', 'json'];
  if (wish.yes === true) args.push('--yes');
  if (wish.force === true) args.push('--force');
  for (let attempts = 1; ; attempts += 1) {
    const pod = await leadingPod(open);
    output.progress(`${pod} tells the clusterset`);
    const ran = await site.runIn(release, { component: 'federation', pod }, args);
    // Who leads may have changed since it was asked.
    if (attempts < MAX_LEADERS && otherReplica.safeParse(jsonOf(ran.stdout)).success) continue;
    const { stdout, stderr } = accepted(ran, { release });
    if (stderr.trim() !== '') output.remark(stderr.trim());
    return answer.parse(jsonOf(stdout));
  }
}

/** Ten thousand services are some minutes; a person at a terminal sees how far it is. */
async function sweep(
  open: OpenRelease,
  output: CommandOutput,
  signal: AbortSignal,
): Promise<LeftoversReport> {
  const { site, release } = open;
  try {
    return await removeLeftovers({
      client: site.client,
      namespace: release.namespace,
      withRoot: false,
      keepStoreUsers: true,
      signal,
      onProgress: (removed) => output.progress(removedText(removed)),
    });
  } catch (failure) {
    if (!signal.aborted) throw failure;
    const message = `interrupted: ${release.cluster} is a member no more, and not all that was imported is removed`;
    throw new UserError(message, { hint: leaveAgain(open), cause: failure });
  }
}

function leaveAgain({ site }: OpenRelease): string {
  return `run isthmus cluster leave ${site.flags} --yes again: it goes on from there; or helm uninstall, which removes it as well`;
}

function summary(
  { release }: OpenRelease,
  clusterset: string | undefined,
  { removed, failures }: LeftoversReport,
  remaining: readonly string[],
  output: CommandOutput,
): string {
  const first =
    clusterset === undefined
      ? `${release.cluster} was a member of nothing`
      : `${release.cluster} has left ${clusterset}: its services are withdrawn`;
  return [
    `${output.style('green', '✔')} ${first}`,
    `${failures === 0 ? output.style('green', '✔') : output.style('red', '✖')} ${removedText(removed)}`,
    ...(remaining.length === 0 ? [] : ['', 'What remains to be done:']),
    ...remaining.map((step) => `  - ${step}`),
  ].join('\n');
}
