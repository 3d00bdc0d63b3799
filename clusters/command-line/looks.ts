import type { Command } from 'commander';
import { checkCommand } from '../commands/check-command.ts';
import { namesContext } from '../commands/context-flags.ts';
import { FOLDER_DEFAULTS } from '../commands/folder-flags.ts';
import { type LookFlags, listCommand } from '../commands/list-command.ts';
import { statusCommand } from '../commands/status-command.ts';
import { inContext, type MaybeContext, withContext } from './context.ts';
import { type OutputFlag, outputOf, withOutput } from './flags.ts';
import { programs } from './programs.ts';

type Flags = LookFlags & MaybeContext & OutputFlag;

export function addLooks(cluster: Command): void {
  addList(cluster);
  addStatus(cluster);
  addCheck(cluster);
}

function addList(cluster: Command): void {
  const description = 'list the members of the clusterset, as this cluster knows them';
  look(cluster, 'list', description).action(async (flags: Flags) => {
    const output = outputOf(flags);
    if (!namesContext(flags)) return await listCommand(flags, { output, programs });
    const { relay } = await import('../context/relay.ts');
    await inContext(flags, (open) => relay(open, ['cluster', 'list'], output));
  });
}

function addStatus(cluster: Command): void {
  const description =
    "how this cluster's programs, peers and trunks do; exit code 3 when a program is not ready";
  look(cluster, 'status', description).action(async (flags: Flags) => {
    const output = outputOf(flags);
    const nowMs = Date.now();
    if (!namesContext(flags)) return await statusCommand(flags, { output, programs, nowMs });
    const { statusByContext } = await import('../context/context-status.ts');
    await inContext(flags, (open) => statusByContext(open, output, nowMs));
  });
}

function addCheck(cluster: Command): void {
  const description =
    'look at everything that membership needs, with reason and cure; exit code 3 when something is found';
  look(cluster, 'check', description).action(async (flags: Flags) => {
    const output = outputOf(flags);
    if (!namesContext(flags)) return await checkCommand(flags, { output, programs, nowMs: Date.now() });
    const { checkByContext } = await import('../context/context-check.ts');
    const { untilInterrupted } = await import('../context/open-release.ts');
    await checkByContext(flags, output, untilInterrupted());
  });
}

function look(cluster: Command, name: string, description: string): Command {
  const command = cluster.command(name).description(description);
  command.option('--dir <folder>', "the cluster's folder", FOLDER_DEFAULTS.dir);
  withContext(command);
  return withOutput(command).addHelpText(
    'after',
    `
Examples:
  isthmus cluster ${name} --dir east
  isthmus cluster ${name} --context east --output json`,
  );
}
