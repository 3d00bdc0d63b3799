import type { Command } from 'commander';
import { confirmationAt } from '../commands/confirmation.ts';
import { namesContext } from '../commands/context-flags.ts';
import { FOLDER_DEFAULTS } from '../commands/folder-flags.ts';
import { type LeaveFlags, leaveCommand } from '../commands/leave-command.ts';
import { inContext, type MaybeContext, withContext } from './context.ts';
import { type OutputFlag, outputOf, withOutput } from './flags.ts';
import { withHome } from './home.ts';
import { programs } from './programs.ts';

export function addLeave(cluster: Command): void {
  const command = cluster
    .command('leave')
    .description('withdraw all services and leave the clusterset')
    .option('--dir <folder>', "the cluster's folder", FOLDER_DEFAULTS.dir)
    .option('--yes', 'leave; without it a person is asked, and where none sits nothing is done')
    .option('--force', 'leave although some services would end, or the trust home would go; nobody is asked');
  withContext(command);
  withOutput(command)
    .addHelpText('after', LEAVE_EXAMPLES)
    .action(async (flags: LeaveFlags & MaybeContext & OutputFlag) => {
      const confirm = confirmationAt(process);
      if (namesContext(flags)) {
        const { leaveByContext } = await import('../context/context-leave.ts');
        await inContext(flags, (open, signal) =>
          leaveByContext(open, flags, { output: outputOf(flags), signal, confirm }),
        );
        return;
      }
      await withHome(flags.dir, (home) =>
        leaveCommand(flags, { output: outputOf(flags), programs, home, confirm }),
      );
    });
}

const LEAVE_EXAMPLES = `
Examples:
  isthmus cluster leave --dir west           says what would happen, and asks
  isthmus cluster leave --dir west --yes
  isthmus cluster leave --context west --yes`;
