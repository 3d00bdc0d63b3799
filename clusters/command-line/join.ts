import type { Command } from 'commander';
import { namesContext } from '../commands/context-flags.ts';
import { type JoinFlags, joinCommand, readToken } from '../commands/join-command.ts';
import { parseTimeout } from '../commands/timeout-flag.ts';
import type { ContextFlags } from '../context/open-release.ts';
import { inContext, type MaybeContext, withContext } from './context.ts';
import { type OutputFlag, outputOf, withFolder, withOutput } from './flags.ts';
import { withHome } from './home.ts';

export function addJoin(cluster: Command): void {
  const command = cluster
    .command('join')
    .description('join the clusterset that a token is for')
    .argument('[token]', 'the token, or - to read it from stdin')
    .option('--token-file <file>', 'read the token from a file')
    .option('--cluster <name>', 'refuse a token that is for a cluster of another name');
  command.option(
    '--timeout <duration>',
    'how long to wait for gateways that are not reached yet (default: 2m with --context, else 0s)',
  );
  withFolder(command);
  withContext(command);
  withOutput(command)
    .addHelpText('after', JOIN_EXAMPLES)
    .action(async (token: string | undefined, flags: JoinFlags & MaybeContext & OutputFlag) => {
      if (namesContext(flags)) return await joinInContext(token, flags);
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

async function joinInContext(
  argument: string | undefined,
  flags: JoinFlags & ContextFlags & OutputFlag,
): Promise<void> {
  const timeoutMs = parseTimeout(flags.timeout ?? '2m');
  const token = await readToken(argument, flags.tokenFile, process.stdin);
  const { joinByContext } = await import('../context/context-join.ts');
  await inContext(flags, (open, signal) =>
    joinByContext(open, { token, cluster: flags.cluster, timeoutMs, signal }, outputOf(flags)),
  );
}

const JOIN_EXAMPLES = `
Examples:
  isthmus cluster invite west --context east | isthmus cluster join - --context west
  isthmus cluster join --token-file west.token --dir west --region us --zone us-a \\
    --listen-mesh 0.0.0.0:15443 --advertise west.example:15443
  ssh east isthmus cluster invite west --dir east |
    isthmus cluster join - --dir west --region us --zone us-a`;
