import type { Command } from 'commander';
import type { CleanUpFlags } from '../commands/clean-up-command.ts';
import { type OutputFlag, outputOf, withOutput } from './flags.ts';

/** Loaded only when it runs: it brings the Kubernetes client. */
export function addCleanUp(cluster: Command): void {
  const command = cluster
    .command('clean-up')
    .description('take away what an uninstalled release left in its Kubernetes cluster')
    .option('--kubeconfig <file>', 'outside a pod: how the cluster is reached')
    .option('--context <name>', 'outside a pod: a context of the kubeconfig')
    .option('--namespace <name>', "the release's namespace (default: the pod's, or the context's)")
    .option('--with-root', "also the Secret that holds the clusterset's root")
    .option('--yes', 'do it; without it nothing is done');
  withOutput(command)
    .addHelpText('after', CLEAN_UP_EXAMPLES)
    .action(async (flags: CleanUpFlags & OutputFlag) => {
      const { cleanUpCommand } = await import('../commands/clean-up-command.ts');
      const { untilInterrupted } = await import('../context/open-release.ts');
      await cleanUpCommand(flags, outputOf(flags), untilInterrupted());
    });
}

const CLEAN_UP_EXAMPLES = `
Examples:
  isthmus cluster clean-up --context west --namespace isthmus-system --yes`;
