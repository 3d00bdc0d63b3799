import type { Command } from 'commander';
import { type JoinFlags, joinCommand } from '../commands/join-command.ts';
import { type OutputFlag, outputOf, withFolder, withOutput } from './flags.ts';
import { withHome } from './home.ts';

export function addJoin(cluster: Command): void {
  const command = cluster
    .command('join')
    .description('join the clusterset that a token is for')
    .argument('[token]', 'the token, or - to read it from stdin')
    .option('--token-file <file>', 'read the token from a file')
    .option('--cluster <name>', 'refuse a token that is for a cluster of another name');
  withFolder(command);
  withOutput(command)
    .addHelpText('after', JOIN_EXAMPLES)
    .action(async (token: string | undefined, flags: JoinFlags & OutputFlag) => {
      await withHome(flags.dir, (home) =>
        joinCommand(token, flags, {
          output: outputOf(flags),
          stdin: process.stdin,
          nowMs: Date.now(),
          home,
        }),
      );
    });
}

const JOIN_EXAMPLES = `
Examples:
  isthmus cluster join --token-file west.token --dir west --region us --zone us-a \\
    --listen-mesh 0.0.0.0:15443 --advertise west.example:15443
  ssh east isthmus cluster invite west --dir east |
    isthmus cluster join - --dir west --region us --zone us-a`;
