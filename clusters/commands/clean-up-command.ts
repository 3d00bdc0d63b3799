import { KubeClient } from '../kubernetes/kube-client.ts';
import { type LeftoversReport, removeLeftovers } from '../kubernetes/leftovers.ts';
import type { CommandOutput } from './command-output.ts';
import { removedText, unfinished } from './removal-text.ts';
import { usageError } from './usage-error.ts';

export interface CleanUpFlags {
  readonly namespace?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly withRoot?: boolean;
  readonly yes?: boolean;
}

/** `isthmus cluster clean-up`: takes away what a release left behind; `helm uninstall` runs it in a pod. */
export async function cleanUpCommand(
  flags: CleanUpFlags,
  output: CommandOutput,
  signal: AbortSignal,
): Promise<void> {
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
    const onProgress = (removed: LeftoversReport['removed']) => output.progress(removedText(removed));
    const report = await removeLeftovers({ client, namespace, withRoot, signal, onProgress });
    output.result({ namespace, ...report }, () => summary(report, namespace));
    const again = 'mend that and run it again: what is gone stays gone';
    if (report.failures > 0) throw unfinished('not all is cleaned up', report, again);
  } finally {
    client.close();
  }
}

function summary({ removed, kept }: LeftoversReport, namespace: string): string {
  return [
    removedText(removed),
    ...kept.map(
      (name) =>
        `kept the Secret ${name} in ${namespace}: it holds the clusterset's root, without which no member can renew ` +
        'its certificates. Save it, then remove it with --with-root.',
    ),
  ].join('\n');
}
