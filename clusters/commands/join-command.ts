import { setTimeout as sleep } from 'node:timers/promises';
import { readTextFile } from '../../federation/config/yaml-file.ts';
import { type FolderHome, makeAtHome } from '../folder/folder-home.ts';
import { joinCluster } from '../folder/join.ts';
import type { CommandOutput } from './command-output.ts';
import { type FolderFlags, keptFolderPlan, parseFolderFlags } from './folder-flags.ts';
import { runCommands, warnOfLoopback } from './init-command.ts';
import { untilJoined } from './join-wait.ts';
import { readStdin } from './stdin.ts';
import { parseTimeout } from './timeout-flag.ts';
import { usageError } from './usage-error.ts';

export interface JoinFlags extends FolderFlags {
  readonly tokenFile?: string;
  readonly cluster?: string;
  readonly timeout?: string;
}

export interface JoinContext {
  readonly output: CommandOutput;
  /** Where a token comes from when the argument is `-`. */
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly nowMs: number;
  readonly home?: FolderHome | undefined;
}

/** `isthmus cluster join`: joins the clusterset that the token is for. */
export async function joinCommand(
  argument: string | undefined,
  flags: JoinFlags,
  context: JoinContext,
): Promise<void> {
  const { output, nowMs, home } = context;
  const plan = home === undefined ? parseFolderFlags(flags) : await keptFolderPlan(flags, home);
  const token = await readToken(argument, flags.tokenFile, context.stdin);
  const name = flags.cluster ?? home?.cluster;
  const join = () =>
    makeAtHome(home, () => joinCluster({ ...plan, token, cluster: name, nowMs, records: home?.records }));
  const result = await untilJoined(join, {
    timeoutMs: parseTimeout(flags.timeout ?? '0s'),
    now: () => performance.now(),
    sleep: (ms) => sleep(ms),
    progress: (doing) => output.progress(doing),
  });
  warnOfLoopback(output, plan.advertise);
  const { layout, cluster, clusterset, trustDomain, invitedBy } = result;
  output.result(
    { cluster, clusterset, trustDomain, folder: layout.root, advertised: plan.advertise, invitedBy },
    () =>
      [
        `${output.style('green', '✔')} ${cluster} joined ${clusterset} (trust domain ${trustDomain}), invited by ${invitedBy}`,
        '',
        ...(home === undefined
          ? ['Start it:', ...runCommands(layout)]
          : ['Its programs begin by themselves.']),
      ].join('\n'),
  );
}

/** @throws UserError where it is not to be had */
export async function readToken(
  argument: string | undefined,
  file: string | undefined,
  stdin: AsyncIterable<Uint8Array>,
): Promise<string> {
  if (argument !== undefined && file !== undefined) {
    throw usageError('there are two tokens: an argument and --token-file', 'give one of them');
  }
  if (file !== undefined) return readTextFile(file);
  if (argument === '-') return readStdin(stdin, 'a token');
  if (argument !== undefined) return argument;
  throw usageError(
    'there is no token',
    'give it with --token-file FILE, or - to read it from stdin; isthmus cluster invite makes one',
  );
}
