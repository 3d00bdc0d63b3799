import type { CommandOutput } from '../commands/command-output.ts';
import type { OpenRelease } from './open-release.ts';
import { refusal } from './release-program.ts';

/**
 * Runs a command where the cluster's membership is, in a pod of its federation service, and shows what it shows, as it
 * comes: ten thousand services are some megabytes.
 * @throws UserError with what it said when it failed; its exit code is kept
 */
export async function relay(
  { site, release }: OpenRelease,
  args: readonly string[],
  output: CommandOutput,
  stdin?: string,
): Promise<void> {
  output.progress(`asking the federation service of ${release.cluster}`);
  const onStdout = output.passingOn();
  const ran = await site.stream(release, [...args, '--output', output.format], { stdin, onStdout });
  if (ran.exitCode !== 0) throw refusal(ran, { release }, stdin);
  // Warnings: what it says to a person beside its result.
  if (ran.stderr.trim() !== '') output.remark(ran.stderr.trim());
}
