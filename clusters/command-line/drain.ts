import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { UserError } from '../../federation/model/user-error.ts';
import { namesContext } from '../commands/context-flags.ts';
import { FOLDER_DEFAULTS } from '../commands/folder-flags.ts';
import { usageError } from '../commands/usage-error.ts';
import {
  type DrainContext,
  type DrainFlags,
  drainCommand,
  type UndrainFlags,
  undrainCommand,
} from '../drain/drain-command.ts';
import type { DrainSite } from '../drain/drain-site.ts';
import { type OutputFlag, outputOf, withOutput } from './flags.ts';
import { programs } from './programs.ts';

interface PlaceFlags extends OutputFlag {
  readonly dir?: string;
  readonly context?: string;
  readonly kubeconfig?: string;
  readonly namespace?: string;
}

export function addDrain(cluster: Command): void {
  withPlace(
    cluster
      .command('drain')
      .description("take a cluster's requests away over a time; at the cluster itself: those of all clusters")
      .argument('<name>', 'the cluster: this one, or a peer')
      .option('--over <duration>', 'from now until nothing is left, at most 24h; 0s takes all at once', '30s')
      .option('--force', 'also when services have hosts nowhere else: it keeps the requests of these')
      .option('--no-wait', 'end when it is ordered'),
  )
    .addHelpText('after', DRAIN_EXAMPLES)
    .action((name: string, flags: DrainFlags & PlaceFlags) =>
      inPlace(flags, (context) => drainCommand(name, flags, context)),
    );
  withPlace(
    cluster
      .command('undrain')
      .description('let the requests come back, by the steps of failback')
      .argument('<name>', 'the cluster: this one, or a peer')
      .option('--no-wait', 'end when it is ordered'),
  )
    .addHelpText('after', UNDRAIN_EXAMPLES)
    .action((name: string, flags: UndrainFlags & PlaceFlags) =>
      inPlace(flags, (context) => undrainCommand(name, flags, context)),
    );
}

const DRAIN_EXAMPLES = `
Requests under way and open connections end by themselves. The drain goes on when this command is interrupted.

Examples:
  isthmus cluster drain west --dir west --over 10m     no cluster sends to west any more
  isthmus cluster drain west --dir east --over 10m     only east does not
  isthmus cluster drain west --context west --over 10m --no-wait --output json`;

const UNDRAIN_EXAMPLES = `
Examples:
  isthmus cluster undrain west --dir west
  isthmus cluster undrain west --context west --no-wait`;

function withPlace(command: Command): Command {
  return withOutput(
    command
      .option('--dir <folder>', `the folder of the cluster that orders it (default: ${FOLDER_DEFAULTS.dir})`)
      .option('--context <name>', 'the context of the Kubernetes cluster that orders it')
      .option('--kubeconfig <file>', "the file with the context (default: kubectl's)")
      .option('--namespace <name>', 'of the release (default: found by its labels)'),
  );
}

async function inPlace(flags: PlaceFlags, run: (context: DrainContext) => Promise<void>): Promise<void> {
  const interrupted = new AbortController();
  const { signal } = interrupted;
  process.once('SIGINT', () =>
    interrupted.abort(new UserError('interrupted', { hint: 'what is ordered stays ordered' })),
  );
  const site = await openSite(flags, signal);
  try {
    await run({
      site,
      output: outputOf(flags),
      now: () => performance.now(),
      sleep: (ms) => sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted()),
    });
  } finally {
    site.close();
  }
}

/** The Kubernetes client is loaded only where it is needed. */
async function openSite(flags: PlaceFlags, signal: AbortSignal): Promise<DrainSite> {
  const { dir } = flags;
  if (!namesContext(flags)) {
    const { folderDrains } = await import('../drain/folder-drains.ts');
    return folderDrains(dir ?? FOLDER_DEFAULTS.dir, programs);
  }
  if (dir !== undefined) throw usageError('--dir and --context are two places', 'give one of them');
  const { contextDrains } = await import('../drain/context-drains.ts');
  const { context, kubeconfig, namespace } = flags;
  return contextDrains({ context, kubeconfig, namespace }, signal);
}
