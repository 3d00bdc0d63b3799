import { z } from 'zod';
import { UserError } from '../../federation/model/user-error.ts';
import { type Attempt, attempt } from '../commands/attempt.ts';
import {
  type CheckStep,
  failed,
  failedBy,
  ok,
  skipped,
  stepLine,
  stepsOrFailure,
} from '../commands/check-step.ts';
import type { CommandOutput } from '../commands/command-output.ts';
import { addressStep, kindSteps, podSteps } from './cluster-steps.ts';
import { gatewaySteps } from './gateway-steps.ts';
import { KubernetesSite, type Release } from './kubernetes-site.ts';
import type { ContextFlags, OpenRelease } from './open-release.ts';
import { peerSteps } from './peer-steps.ts';
import { findRelease, jsonOf, refusal } from './release-program.ts';
import { rightSteps } from './right-steps.ts';
import { schemaSteps } from './schema-steps.ts';

const step = z.discriminatedUnion('state', [
  z.object({ name: z.string(), state: z.literal('ok'), detail: z.string() }),
  z.object({ name: z.string(), state: z.literal('failed'), detail: z.string(), cure: z.string() }),
  z.object({ name: z.string(), state: z.literal('warning'), detail: z.string(), cure: z.string() }),
  z.object({
    name: z.string(),
    state: z.literal('skipped'),
    detail: z.string(),
    cure: z.string().optional(),
  }),
]);
const podCheck = z.object({ steps: z.array(step) });
/** What only the federation service can say. */
const FEDERATION_STEPS = ['trust', 'store', 'resources', 'peers', 'clocks', 'addresses'];

/**
 * `isthmus cluster check --context`: from the API server over the cluster's kinds, rights and pods to what its members
 * know of each other. What needs only the API server is told also where no program answers. Exit code 3 when a step failed.
 */
export async function checkByContext(
  flags: ContextFlags,
  output: CommandOutput,
  signal: AbortSignal,
): Promise<void> {
  const steps: CheckStep[] = [];
  const site = await KubernetesSite.open(flags.context, flags.kubeconfig, signal);
  try {
    const release = await reach(site, flags.namespace, steps, output);
    if (release !== undefined) steps.push(...(await releaseSteps({ site, release }, output)));
  } finally {
    site.close();
  }
  const failures = steps.filter(({ state }) => state === 'failed').length;
  output.result({ ok: failures === 0, steps }, () => steps.map((each) => stepLine(each, output)).join('\n'));
  if (failures > 0) throw new UserError(`${failures} of ${steps.length} checks failed`, { exitCode: 3 });
}

/** Without API server and release there is nothing else to look at. */
async function reach(
  site: KubernetesSite,
  namespace: string | undefined,
  steps: CheckStep[],
  output: CommandOutput,
): Promise<Release | undefined> {
  output.progress(`asking ${site.server}`);
  const version = await taken(
    'API server',
    steps,
    async () => `${site.server}, Kubernetes ${await site.version()}`,
  );
  if (version === undefined) {
    steps.push(skipped('release', 'the API server does not answer'));
    return undefined;
  }
  let release: Release | undefined;
  await taken('release', steps, async () => {
    release = (await findRelease(site, namespace)).release;
    return `${release.namespace}/${release.instance}, cluster ${release.cluster}`;
  });
  return release;
}

async function taken(
  name: string,
  steps: CheckStep[],
  take: () => Promise<string>,
): Promise<string | undefined> {
  try {
    const detail = await take();
    steps.push(ok(name, detail));
    return detail;
  } catch (failure) {
    if (!(failure instanceof UserError)) throw failure;
    steps.push(failedBy(name, failure));
    return undefined;
  }
}

async function releaseSteps(open: OpenRelease, output: CommandOutput): Promise<readonly CheckStep[]> {
  const { site, release } = open;
  output.progress(`looking at the kinds, rights and pods of ${release.cluster}`);
  const taken = await Promise.all([
    stepsOrFailure('kinds', kindSteps(open)),
    stepsOrFailure('schemas', schemaSteps(open)),
    stepsOrFailure('rights', rightSteps(open)),
    stepsOrFailure('pods', podSteps(open)),
    stepsOrFailure(
      'gateway address',
      addressStep(open).then((step) => [step]),
    ),
  ]);
  const member = await attempt(site.isMember(release));
  const steps = [...taken.flat(), membershipStep(open, member)];
  if (member.kind === 'answered' && !member.value) return steps;
  output.progress('asking the programs in their pods');
  const federation = await attempt(programSteps(open));
  if (federation.kind === 'failed') steps.push(...withoutFederation(federation.error));
  else steps.push(...federation.value);
  if (federation.kind === 'failed') steps.push(...(await stepsOrFailure('ClusterPeers', peerSteps(open))));
  const publishes = federation.kind === 'answered';
  return [...steps, ...(await stepsOrFailure('gateways', gatewaySteps(open, publishes)))];
}

function membershipStep({ site, release }: OpenRelease, member: Attempt<boolean>): CheckStep {
  if (member.kind === 'failed') return failedBy('membership', member.error);
  if (member.value) return ok('membership', `kept in the Secret ${release.membershipSecret}`);
  const register = `isthmus cluster register ${release.cluster} ${site.flags} --with-context …`;
  return failed('membership', 'the cluster is a member of no clusterset', register);
}

/** What the federation service finds when it checks itself. @throws UserError where it does not answer */
async function programSteps({ site, release }: OpenRelease): Promise<readonly CheckStep[]> {
  const ran = await site.look(release, ['cluster', 'check', '--output', 'json']);
  const answer = podCheck.safeParse(jsonOf(ran.stdout));
  if (answer.success) return answer.data.steps;
  throw refusal(ran, { release });
}

function withoutFederation(failure: UserError): readonly CheckStep[] {
  const why = `the federation does not answer: ${failure.message}`;
  return [
    failedBy('federation', failure),
    ...FEDERATION_STEPS.map((name) => skipped(name, why, failure.hint)),
  ];
}
