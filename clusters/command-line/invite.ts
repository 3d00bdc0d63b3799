import type { Command } from 'commander';
import { namesContext } from '../commands/context-flags.ts';
import { FOLDER_DEFAULTS } from '../commands/folder-flags.ts';
import { DEFAULT_TTL, type InviteFlags, inviteCommand } from '../commands/invite-command.ts';
import type { ContextFlags } from '../context/open-release.ts';
import { inContext, type MaybeContext, withContext } from './context.ts';
import { type OutputFlag, outputOf, withOutput } from './flags.ts';
import { withHome } from './home.ts';
import { storeUserMaker } from './programs.ts';

export function addInvite(cluster: Command): void {
  const command = cluster
    .command('invite')
    .description('print a one-use token that lets one cluster join; only at the trust home')
    .argument('<name>', 'what the cluster that joins will be called')
    .option('--dir <folder>', "this cluster's folder", FOLDER_DEFAULTS.dir)
    .option('--ttl <duration>', 'how long the token is good', DEFAULT_TTL)
    .option(
      '--force',
      "invite a cluster that is a member already: the member's store password changes; it must join again",
    );
  withContext(command);
  withOutput(command)
    .addHelpText('after', INVITE_EXAMPLES)
    .action(async (name: string, flags: InviteFlags & MaybeContext & OutputFlag) => {
      if (namesContext(flags)) return await inviteByContext(name, flags);
      await withHome(flags.dir, (home) =>
        inviteCommand(name, flags, {
          output: outputOf(flags),
          createStoreUser: storeUserMaker(home),
          nowMs: Date.now(),
          home,
        }),
      );
    });
}

async function inviteByContext(name: string, flags: InviteFlags & ContextFlags & OutputFlag): Promise<void> {
  const args = ['cluster', 'invite', name, '--ttl', flags.ttl, ...(flags.force === true ? ['--force'] : [])];
  const { relay } = await import('../context/relay.ts');
  await inContext(flags, (open) => relay(open, args, outputOf(flags)));
}

const INVITE_EXAMPLES = `
Examples:
  isthmus cluster invite west --context east | isthmus cluster join - --context west
  isthmus cluster invite west --dir east
  (umask 077; isthmus cluster invite west --dir east --ttl 1h > west.token)`;
