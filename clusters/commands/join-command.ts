import { readTextFile } from '../../federation/config/yaml-file.ts';
import { joinCluster } from '../folder/join.ts';
import type { CommandOutput } from './command-output.ts';
import { type FolderFlags, parseFolderFlags } from './folder-flags.ts';
import { runCommands, warnOfLoopback } from './init-command.ts';
import { usageError } from './usage-error.ts';

export interface JoinFlags extends FolderFlags {
  readonly tokenFile?: string;
  readonly cluster?: string;
}

export interface JoinContext {
  readonly output: CommandOutput;
  /** Where a token comes from when the argument is `-`. */
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly nowMs: number;
}

/** Larger than any token. */
const MAX_STDIN_BYTES = 1024 * 1024;

/** `isthmus cluster join`: joins the clusterset that the token is for. */
export async function joinCommand(
  argument: string | undefined,
  flags: JoinFlags,
  context: JoinContext,
): Promise<void> {
  const plan = parseFolderFlags(flags);
  const token = await readToken(argument, flags.tokenFile, context.stdin);
  const { output, nowMs } = context;
  const result = await joinCluster({ ...plan, token, cluster: flags.cluster, nowMs });
  warnOfLoopback(output, plan.advertise);
  const { layout, cluster, clusterset, trustDomain, invitedBy } = result;
  output.result(
    { cluster, clusterset, trustDomain, folder: layout.root, advertised: plan.advertise, invitedBy },
    () =>
      [
        `${output.style('green', '✔')} ${cluster} joined ${clusterset} (trust domain ${trustDomain}), invited by ${invitedBy}`,
        '',
        'Start it:',
        ...runCommands(layout),
      ].join('\n'),
  );
}

async function readToken(
  argument: string | undefined,
  file: string | undefined,
  stdin: AsyncIterable<Uint8Array>,
): Promise<string> {
  if (argument !== undefined && file !== undefined) {
    throw usageError('there are two tokens: an argument and --token-file', 'give one of them');
  }
  if (file !== undefined) return readTextFile(file);
  if (argument === '-') return readAll(stdin);
  if (argument !== undefined) return argument;
  throw usageError(
    'there is no token',
    'give it with --token-file FILE, or - to read it from stdin; isthmus cluster invite makes one',
  );
}

async function readAll(stdin: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    bytes += chunk.length;
    if (bytes > MAX_STDIN_BYTES) throw usageError('stdin holds more than a token', 'give the token alone');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
