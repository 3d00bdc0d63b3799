import { UserError } from '../../federation/model/user-error.ts';
import { type ClusterFile, readClusterFile } from '../folder/cluster-file.ts';
import type { FolderHome } from '../folder/folder-home.ts';
import { sightLayout } from '../folder/home-file.ts';
import type { CommandOutput } from './command-output.ts';
import type { Confirm } from './confirmation.ts';
import { type Farewell, farewell, farewellText } from './farewell.ts';
import { shellWord } from './init-command.ts';
import type { LookFlags } from './list-command.ts';
import type { Programs } from './programs.ts';
import { usageError } from './usage-error.ts';

/** What was said on the command line. */
export interface LeaveWish {
  readonly yes?: boolean;
  readonly force?: boolean;
}

export interface LeaveFlags extends LookFlags, LeaveWish {}

export interface LeaveContext {
  readonly output: CommandOutput;
  readonly programs: Pick<Programs, 'askFederation' | 'leave'>;
  readonly home?: FolderHome | undefined;
  /** undefined where no person can be asked. */
  readonly confirm?: Confirm | undefined;
}

/** `isthmus cluster leave`: has the cluster say, as its last word, that it has left the clusterset. */
export async function leaveCommand(
  flags: LeaveFlags,
  { output, programs, home, confirm }: LeaveContext,
): Promise<void> {
  const layout = await sightLayout(flags.dir);
  const file = await readClusterFile(layout);
  const report = await programs.askFederation(layout.federationFile);
  const parting = farewell(file, report);
  await requireConsent(parting, flags, { output, confirm });
  output.progress('telling the clusterset');
  const outcome = await programs.leave(layout.federationFile, file.cluster);
  if (outcome.kind === 'pending') {
    throw new UserError(`${file.cluster} has not left yet: ${outcome.reason}`, {
      hint: 'keep its federation service running until the store has taken it, and run this again to see',
    });
  }
  const remaining =
    home === undefined
      ? remainingSteps(file, layout.root)
      : [
          ...(await home.remove()),
          ...stepsElsewhere(file, 'kubectl delete clusterpeer '),
          `where the store is the chart's own: take the key isthmus-${file.cluster} out of its Secret …-redis-users, or the user is made again when the store starts`,
        ];
  output.result({ cluster: file.cluster, clusterset: file.clusterset, left: true, remaining }, () =>
    summary(file, remaining, output),
  );
}

/**
 * Goes on where it was said on the command line that it may; else a person is asked, where one sits.
 * @throws UserError where it may not
 */
async function requireConsent(
  parting: Farewell,
  { yes, force }: LeaveWish,
  { output, confirm }: Pick<LeaveContext, 'output' | 'confirm'>,
): Promise<void> {
  const { leaver, objections, ends } = parting;
  if (yes !== true && force !== true && confirm !== undefined) {
    await askPerson(parting, output, confirm);
    return;
  }
  if (force !== true && objections.length > 0) {
    throw new UserError(
      `${leaver.cluster} should not leave ${leaver.clusterset} yet\n  ${objections.join('\n  ')}`,
      { hint: 'mend that first, or leave all the same with --force' },
    );
  }
  if (yes !== true && force !== true) {
    throw usageError(
      `${leaver.cluster} would leave ${leaver.clusterset}: ${ends.join('; ')}`,
      'say --yes to leave',
    );
  }
  for (const objection of objections) output.warn(objection);
}

/** @throws UserError unless the answer is yes */
export async function askPerson(parting: Farewell, output: CommandOutput, confirm: Confirm): Promise<void> {
  output.note(farewellText(parting));
  if (await confirm('Leave?')) return;
  throw new UserError('not left: nothing was changed', { hint: 'answer y, or say --yes, to leave' });
}

function remainingSteps(file: ClusterFile, root: string): string[] {
  const { trustHome } = file;
  return [
    'stop its gateways and its federation service: started again, it publishes again',
    ...(trustHome ? [`keep a copy of ${shellWord(`${root}/trust`)}, which holds the root's key`] : []),
    `remove its folder, which holds its keys: rm -r ${shellWord(root)}`,
    ...stepsElsewhere(file, 'rm resources/peers/', '.yaml'),
  ];
}

function stepsElsewhere({ cluster }: ClusterFile, remove: string, ending = ''): string[] {
  return [
    `at each member: ${remove}${cluster}${ending}`,
    `where the store has users: ACL DELUSER isthmus-${cluster}`,
  ];
}

function summary(
  { cluster, clusterset }: ClusterFile,
  remaining: readonly string[],
  output: CommandOutput,
): string {
  return [
    `${output.style('green', '✔')} ${cluster} has left ${clusterset}: its services are withdrawn`,
    '',
    'What remains to be done:',
    ...remaining.map((step) => `  - ${step}`),
  ].join('\n');
}
