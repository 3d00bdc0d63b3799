import { z } from 'zod';
import { UserError } from '../../federation/model/user-error.ts';
import type { CommandOutput } from '../commands/command-output.ts';
import type { Confirm } from '../commands/confirmation.ts';
import { type ForgetWish, requireConsent } from '../commands/forget-command.ts';
import { forgottenText, planText } from '../commands/forget-text.ts';
import { KubeClient } from '../kubernetes/kube-client.ts';
import { KubeError } from '../kubernetes/kube-error.ts';
import { CLUSTER_PEERS } from '../kubernetes/membership/resource-types.ts';
import { contextFlags } from './kubernetes-site.ts';
import type { ContextFlags, OpenRelease } from './open-release.ts';
import { accepted, jsonOf } from './release-program.ts';

const plan = z.object({
  cluster: z.string(),
  clusterset: z.string(),
  reach: z.string().nullable(),
  lastSeen: z.string().nullable(),
  services: z.number(),
  onlyThere: z.array(z.string()),
  objection: z.string().nullable(),
  remaining: z.array(z.string()),
});

/** Who wants it, and how they are spoken to. */
export interface ForgetPerson {
  readonly output: CommandOutput;
  readonly signal: AbortSignal;
  /** undefined where nobody can be asked. */
  readonly confirm: Confirm | undefined;
}

type ForgetFlags = ForgetWish & ContextFlags & { readonly alsoContext?: readonly string[] };

/** What became of the ClusterPeer in another member. */
interface PeerRemoval {
  readonly context: string;
  readonly removed: boolean;
  readonly problem?: string;
}

/**
 * `isthmus cluster forget NAME --context`: a pod of the trust home says that the cluster is gone; then its ClusterPeer is
 * removed in the members that were named. What fails there ends nothing, and is told at the end.
 */
export async function forgetByContext(
  open: OpenRelease,
  cluster: string,
  flags: ForgetFlags,
  { output, signal, confirm }: ForgetPerson,
): Promise<void> {
  const inPod = async (...more: readonly string[]) => {
    const args = ['cluster', 'forget', cluster, '--output', 'json', ...more];
    if (flags.force === true) args.push('--force');
    const { stdout } = accepted(await open.site.run(open.release, args), open);
    return plan.parse(jsonOf(stdout));
  };
  output.progress(`asking the federation service of ${open.release.cluster}`);
  const planned = await inPod('--dry-run');
  if (flags.dryRun === true) {
    output.result({ ...planned, forgotten: false, dryRun: true }, () => planText(planned));
    return;
  }
  await requireConsent(planned, flags, output, confirm);
  const done = await inPod('--yes');
  const peers: PeerRemoval[] = [];
  for (const context of flags.alsoContext ?? []) {
    output.progress(`removing the ClusterPeer ${cluster} in ${context}`);
    peers.push(await removePeer(context, flags.kubeconfig, cluster, signal));
  }
  output.result({ ...done, forgotten: true, dryRun: false, peers }, () =>
    [forgottenText(done, output), ...peers.map((peer) => peerLine(peer, cluster, output))].join('\n'),
  );
  const failed = peers.filter(({ problem }) => problem !== undefined);
  if (failed.length === 0) return;
  const contexts = failed.map(({ context }) => context).join(', ');
  throw new UserError(`${cluster} is forgotten, but its ClusterPeer is still there in ${contexts}`, {
    hint: failed
      .map(
        ({ context }) => `kubectl ${contextFlags(context, flags.kubeconfig)} delete clusterpeer ${cluster}`,
      )
      .join('; '),
  });
}

async function removePeer(
  context: string,
  kubeconfig: string | undefined,
  name: string,
  signal: AbortSignal,
): Promise<PeerRemoval> {
  let client: KubeClient | undefined;
  try {
    client = await KubeClient.ofContext({ kubeconfig, context });
    await client.delete(CLUSTER_PEERS, { name }, { signal });
    return { context, removed: true };
  } catch (failure) {
    if (KubeError.isNotFound(failure)) return { context, removed: false };
    if (!(failure instanceof KubeError) && !(failure instanceof UserError)) throw failure;
    return { context, removed: false, problem: failure.message };
  } finally {
    client?.close();
  }
}

function peerLine(
  { context, removed, problem }: PeerRemoval,
  cluster: string,
  output: CommandOutput,
): string {
  if (problem !== undefined)
    return `${output.style('red', '✖')} ClusterPeer ${cluster} in ${context}: ${problem}`;
  const state = removed ? 'is removed' : 'was not there';
  return `${output.style('green', '✔')} ClusterPeer ${cluster} in ${context} ${state}`;
}
