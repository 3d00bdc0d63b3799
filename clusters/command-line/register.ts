import type { Command } from 'commander';
import type { RegisterFlags } from '../commands/register-command.ts';
import { type OutputFlag, outputOf, withOutput } from './flags.ts';

/** Loaded only when it runs: it brings the Kubernetes client. */
export function addRegister(cluster: Command): void {
  const command = cluster
    .command('register')
    .description("make a Kubernetes cluster a member of another's clusterset, with a check of each step")
    .argument('<name>', "the cluster's name, as in the chart's cluster.name")
    .requiredOption('--context <name>', 'the context of the cluster that is to join')
    .requiredOption(
      '--with-context <name>',
      'the context of the trust home; it founds a clusterset if it has none',
    )
    .option('--kubeconfig <file>', "the file with both contexts (default: kubectl's)")
    .option('--namespace <name>', 'of both releases (default: found by their labels)')
    .option('--clusterset <domain>', 'name of a clusterset that has to be founded', 'mesh.local')
    .option(
      '--timeout <duration>',
      'how long to try to join, and then to wait for each of both clusters',
      '2m',
    );
  withOutput(command)
    .addHelpText('after', REGISTER_EXAMPLES)
    .action(async (name: string, flags: RegisterFlags & OutputFlag) => {
      const { registerCommand } = await import('../commands/register-command.ts');
      const { untilInterrupted } = await import('../context/open-release.ts');
      await registerCommand(name, flags, outputOf(flags), untilInterrupted());
    });
}

const REGISTER_EXAMPLES = `
Examples:
  isthmus cluster register west --context west --with-context east
  isthmus cluster register west --context west --with-context east --clusterset mesh.example --timeout 5m`;
