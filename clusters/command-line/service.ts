import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { namesContext } from '../commands/context-flags.ts';
import { exportInFolder, unexportInFolder } from '../commands/folder-export.ts';
import { FOLDER_DEFAULTS } from '../commands/folder-flags.ts';
import { type ServiceListFlags, serviceListCommand } from '../commands/service-list-command.ts';
import { parseServiceName } from '../commands/service-name.ts';
import { parseTimeout } from '../commands/timeout-flag.ts';
import type { KubernetesSite } from '../context/kubernetes-site.ts';
import { inContext, type MaybeContext, withContext } from './context.ts';
import { type OutputFlag, outputOf, withOutput } from './flags.ts';
import { programs } from './programs.ts';

interface ClusterFlags extends OutputFlag {
  readonly dir: string;
  readonly context?: string;
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
      if (!namesContext(flags)) return await serviceListCommand(flags, { output, programs });
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
    .description('offer a Service of a cluster to the clusterset, and wait until others can read it')
    .argument('<service>', 'NAMESPACE/NAME or NAME.NAMESPACE')
    .option('--timeout <duration>', 'how long to wait until it is published', '30s');
  withCluster(command)
    .addHelpText('after', EXPORT_EXAMPLES)
    .action(async (name: string, flags: ClusterFlags & { readonly timeout: string }) => {
      const wish = { service: parseServiceName(name), timeoutMs: parseTimeout(flags.timeout) };
      const output = outputOf(flags);
      if (!namesContext(flags)) {
        const timing = { now: () => performance.now(), sleep };
        await exportInFolder({ ...wish, dir: flags.dir }, { output, programs, ...timing });
        return;
      }
      const { exportService } = await import('../context/service-export.ts');
      await atSite(flags, (site, signal) => exportService(site, { ...wish, signal }, output));
    });
}

const EXPORT_EXAMPLES = `
Examples:
  isthmus service export shop/payments --dir west        writes resources/exports/shop/payments.yaml
  isthmus service export shop/payments --context west
  isthmus service export payments.shop --context west --output json`;

export function addServiceUnexport(service: Command): void {
  const command = service
    .command('unexport')
    .description('take a Service of a cluster back from the clusterset')
    .argument('<service>', 'NAMESPACE/NAME or NAME.NAMESPACE');
  withCluster(command)
    .addHelpText('after', UNEXPORT_EXAMPLES)
    .action(async (name: string, flags: ClusterFlags) => {
      const service = parseServiceName(name);
      if (!namesContext(flags)) {
        await unexportInFolder({ dir: flags.dir, service }, outputOf(flags));
        return;
      }
      const { unexportService } = await import('../context/service-export.ts');
      await atSite(flags, (site) => unexportService(site, service, outputOf(flags)));
    });
}

const UNEXPORT_EXAMPLES = `
Examples:
  isthmus service unexport shop/payments --dir west
  isthmus service unexport shop/payments --context west`;

/** Whoever may export a service need not see where Isthmus runs, so there is no namespace of a release to name. */
function withCluster(command: Command): Command {
  const instead = (flag: string, description: string): Option =>
    new Option(flag, description).conflicts('dir');
  command
    .option('--dir <folder>', "the cluster's folder", FOLDER_DEFAULTS.dir)
    .addOption(instead('--context <name>', 'a Kubernetes cluster, by its context'))
    .addOption(instead('--kubeconfig <file>', "with --context: its file (default: kubectl's)"));
  return withOutput(command);
}

async function atSite(
  { context, kubeconfig }: ClusterFlags & { readonly context: string },
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
