import { type Command, Option } from 'commander';
import type { ContextFlags, OpenRelease } from '../context/open-release.ts';

/** What `withContext` gives, before it is known whether a context was named. */
export type MaybeContext = {
  readonly context?: string;
  readonly kubeconfig?: string;
  readonly namespace?: string;
};

/** The options by which a command is about a cluster that runs the chart, instead of a folder. */
export function withContext(command: Command): void {
  const instead = (option: Option): Option => option.conflicts('dir');
  command
    .addOption(instead(new Option('--context <name>', 'a cluster that runs the chart, by its context')))
    .addOption(instead(new Option('--kubeconfig <file>', "with --context: its file (default: kubectl's)")))
    .addOption(
      instead(
        new Option('--namespace <name>', 'with --context: of the release (default: found by its labels)'),
      ),
    );
}

/** Loaded only when it runs: it brings the Kubernetes client. Ctrl-C ends it. */
export async function inContext(
  flags: ContextFlags,
  run: (open: OpenRelease, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { untilInterrupted, withRelease } = await import('../context/open-release.ts');
  const signal = untilInterrupted();
  await withRelease(flags, signal, (open) => run(open, signal));
}
