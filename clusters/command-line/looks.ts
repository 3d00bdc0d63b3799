import type { Command } from 'commander';
import { checkCommand } from '../commands/check-command.ts';
import { FOLDER_DEFAULTS } from '../commands/folder-flags.ts';
import { type LookFlags, listCommand } from '../commands/list-command.ts';
import { statusCommand } from '../commands/status-command.ts';
import { type OutputFlag, outputOf, withOutput } from './flags.ts';
import { programs } from './programs.ts';

export function addLooks(cluster: Command): void {
  const look = (name: string, description: string, examples: string): Command => {
    const command = cluster.command(name).description(description);
    command.option('--dir <folder>', "the cluster's folder", FOLDER_DEFAULTS.dir);
    return withOutput(command).addHelpText('after', `\nExamples:\n${examples}`);
  };
  look(
    'list',
    'list the members of the clusterset, as this cluster knows them',
    '  isthmus cluster list --dir east\n  isthmus cluster list --output json',
  ).action(async (flags: LookFlags & OutputFlag) => {
    await listCommand(flags, { output: outputOf(flags), programs });
  });
  look(
    'status',
    "how this cluster's programs, peers and trunks do; exit code 3 when a program is not ready",
    '  isthmus cluster status --dir east',
  ).action(async (flags: LookFlags & OutputFlag) => {
    await statusCommand(flags, { output: outputOf(flags), programs, nowMs: Date.now() });
  });
  look(
    'check',
    'look at everything that membership needs, with reason and cure; exit code 3 when something is found',
    '  isthmus cluster check --dir east\n  isthmus cluster check --output json',
  ).action(async (flags: LookFlags & OutputFlag) => {
    await checkCommand(flags, { output: outputOf(flags), programs, nowMs: Date.now() });
  });
}
