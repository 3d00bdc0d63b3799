import { UserError } from '../../federation/model/user-error.ts';
import { KubernetesSite, type Release } from './kubernetes-site.ts';
import { findRelease } from './release-program.ts';

/** How a person names a cluster in which the chart is installed. */
export interface ContextFlags {
  readonly context: string;
  readonly kubeconfig?: string;
  readonly namespace?: string;
}

/** A release of the chart in a cluster that can be reached. */
export interface OpenRelease {
  readonly site: KubernetesSite;
  readonly release: Release;
}

/** @throws UserError where there is no such context, or no release in its cluster */
export async function withRelease(
  flags: ContextFlags,
  signal: AbortSignal,
  run: (open: OpenRelease) => Promise<void>,
): Promise<void> {
  const site = await KubernetesSite.open(flags.context, flags.kubeconfig, signal);
  try {
    const { release } = await findRelease(site, flags.namespace);
    await run({ site, release });
  } finally {
    site.close();
  }
}

/** What the signal is aborted with when the person at the terminal ends it. */
export function interruption(): UserError {
  return new UserError('interrupted', { hint: 'what is done stays done' });
}

/** Aborted by the first Ctrl-C; the second ends the process as usual. */
export function untilInterrupted(): AbortSignal {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort(interruption()));
  return interrupted.signal;
}
