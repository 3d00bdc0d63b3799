import type { Command } from 'commander';
import { FOLDER_DEFAULTS } from '../commands/folder-flags.ts';
import { type ServiceListFlags, serviceListCommand } from '../commands/service-list-command.ts';
import { parseServiceName } from '../commands/service-name.ts';
import { parseTimeout } from '../commands/timeout-flag.ts';
import type { KubernetesSite } from '../context/kubernetes-site.ts';
import { hasContext, inContext, type MaybeContext, withContext } from './context.ts';
import { type OutputFlag, outputOf, withOutput } from './flags.ts';
import { programs } from './programs.ts';

interface ClusterFlags extends OutputFlag {
  readonly context: string;
  readonly kubeconfig?: string;
}

export function addServiceList(service: Command): void {
  const command = service
    .command('list')
    .description('list the services of the clusterset: who exports them, their ports, endpoints and health')
    .option('--dir <folder>', "the cluster's folder", FOLDER_DEFAULTS.dir)
    .option('--in <namespace>', 'only those of a namespace');
  withContext(command);
  withOutput(command)
    .addHelpText('after', LIST_EXAMPLES)
    .action(async (flags: ServiceListFlags & MaybeContext & OutputFlag) => {
      const output = outputOf(flags);
      if (!hasContext(flags)) return await serviceListCommand(flags, { output, programs });
      const { relay } = await import('../context/relay.ts');
      const args = ['service', 'list', ...(flags.in === undefined ? [] : [`--in=${flags.in}`])];
      await inContext(flags, (open) => relay(open, args, output));
    });
}

const LIST_EXAMPLES = `
Examples:
  isthmus service list --dir east
  isthmus service list --context east --in shop --output json`;

export function addServiceExport(service: Command): void {
  const command = service
    .command('export')
    .description(
      'offer a Service of a Kubernetes cluster to the clusterset, and wait until others can read it',
    )
    .argument('<service>', 'NAMESPACE/NAME or NAME.NAMESPACE')
    .option('--timeout <duration>', 'how long to wait for its conditions', '30s');
  withCluster(command)
    .addHelpText('after', EXPORT_EXAMPLES)
    .action(async (name: string, flags: ClusterFlags & { readonly timeout: string }) => {
      const wish = { service: parseServiceName(name), timeoutMs: parseTimeout(flags.timeout) };
      const { exportService } = await import('../context/service-export.ts');
      await atSite(flags, (site, signal) => exportService(site, { ...wish, signal }, outputOf(flags)));
    });
}

const EXPORT_EXAMPLES = `
Examples:
  isthmus service export shop/payments --context west
  isthmus service export payments.shop --context west --output json`;

export function addServiceUnexport(service: Command): void {
  const command = service
    .command('unexport')
    .description('take a Service of a Kubernetes cluster back from the clusterset')
    .argument('<service>', 'NAMESPACE/NAME or NAME.NAMESPACE');
  withCluster(command)
    .addHelpText('after', '\nExamples:\n  isthmus service unexport shop/payments --context west')
    .action(async (name: string, flags: ClusterFlags) => {
      const { unexportService } = await import('../context/service-export.ts');
      await atSite(flags, (site) => unexportService(site, parseServiceName(name), outputOf(flags)));
    });
}

function withCluster(command: Command): Command {
  command
    .requiredOption('--context <name>', 'the context of the cluster')
    .option('--kubeconfig <file>', "the file with it (default: kubectl's)");
  return withOutput(command);
}

/** No release is looked for: whoever may export a service need not see where Isthmus runs. */
async function atSite(
  { context, kubeconfig }: ClusterFlags,
  run: (site: KubernetesSite, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { KubernetesSite: Site } = await import('../context/kubernetes-site.ts');
  const { untilInterrupted } = await import('../context/open-release.ts');
  const signal = untilInterrupted();
  const site = await Site.open(context, kubeconfig, signal);
  try {
    await run(site, signal);
  } finally {
    site.close();
  }
}
