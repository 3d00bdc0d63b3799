import { UserError } from '../../federation/model/user-error.ts';
import { KubeClient } from '../kubernetes/kube-client.ts';
import { KubeError } from '../kubernetes/kube-error.ts';
import { type LeftoversReport, removeLeftovers } from '../kubernetes/leftovers.ts';
import type { CommandOutput } from './command-output.ts';
import { usageError } from './usage-error.ts';

export interface CleanUpFlags {
  readonly namespace?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly withRoot?: boolean;
  readonly yes?: boolean;
}

/** `isthmus cluster clean-up`: takes away what a release left behind; `helm uninstall` runs it in a pod. */
export async function cleanUpCommand(flags: CleanUpFlags, output: CommandOutput): Promise<void> {
  const { kubeconfig, context, withRoot = false } = flags;
  if (flags.yes !== true) {
    throw usageError(
      'what Isthmus made in the cluster would go: imported services, and its membership',
      'uninstall the release first, then say --yes',
    );
  }
  const client =
    kubeconfig === undefined && context === undefined
      ? await KubeClient.inCluster()
      : await KubeClient.ofContext({ kubeconfig, context });
  try {
    const namespace = flags.namespace ?? client.namespace;
    const report = await removeLeftovers({ client, namespace, withRoot });
    output.result({ namespace, ...report }, () => summary(report, namespace));
  } catch (failure) {
    if (!(failure instanceof KubeError)) throw failure;
    throw new UserError(`not all is cleaned up: ${failure.message}`, {
      hint: 'mend that and run it again: what is gone stays gone',
      cause: failure,
    });
  } finally {
    client.close();
  }
}

function summary({ removed, kept }: LeftoversReport, namespace: string): string {
  const parts = Object.entries(removed).map(([plural, count]) => `${count} ${plural}`);
  return [
    parts.length === 0 ? 'there was nothing to clean up' : `removed ${parts.join(', ')}`,
    ...kept.map(
      (name) =>
        `kept the Secret ${name} in ${namespace}: it holds the clusterset's root, without which no member can renew ` +
        'its certificates. Save it, then remove it with --with-root.',
    ),
  ].join('\n');
}
