import { UserError } from '../../federation/model/user-error.ts';
import { type ClusterFile, readClusterFile } from '../folder/cluster-file.ts';
import type { FolderHome } from '../folder/folder-home.ts';
import { sightLayout } from '../folder/home-file.ts';
import { storeUsername } from '../folder/store-access.ts';
import type { CommandOutput } from './command-output.ts';
import type { Confirm } from './confirmation.ts';
import { type Farewell, farewell, farewellText, hasNewObjections } from './farewell.ts';
import { shellWord } from './init-command.ts';
import type { LookFlags } from './list-command.ts';
import type { LeaveOutcome, Programs } from './programs.ts';
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
  const look = async () => farewell(file, await programs.askFederation(layout.federationFile));
  await requireConsent(look, flags, { output, confirm });
  output.progress('telling the clusterset');
  const outcome = await programs.leave(layout.federationFile, file.cluster);
  if (outcome.kind !== 'left') throw notLeft(file, outcome, output);
  const remaining =
    home === undefined
      ? remainingSteps(file, layout.root)
      : [
          ...(await home.remove()),
          ...stepsElsewhere(file, 'kubectl delete clusterpeer '),
          // Where this cluster made the store's users its home knows of them, and has forgotten this one.
          ...(file.storeAdmin === undefined
            ? [
                `where the store is the chart's own, in another cluster: take the key ${storeUsername(file.cluster)} out of the Secret …-redis-users there, or the user is made again when the store starts`,
              ]
            : []),
        ];
  output.result({ cluster: file.cluster, clusterset: file.clusterset, left: true, remaining }, () =>
    summary(file, remaining, output),
  );
}

/** Programs are told to ask the replica that writes. */
function notLeft(
  { cluster, clusterset }: ClusterFile,
  { kind, reason }: Exclude<LeaveOutcome, { readonly kind: 'left' }>,
  output: CommandOutput,
): UserError {
  if (kind === 'pending') {
    return new UserError(`${cluster} has not left yet: ${reason}`, {
      hint: 'keep its federation service running until the store has taken it, and run this again to see',
    });
  }
  output.result(
    { cluster, clusterset, left: false, code: kind },
    () => `${output.style('red', '✖')} ${cluster} has not left ${clusterset}`,
  );
  return new UserError(reason, { hint: 'run this where the federation service runs that leads' });
}

/**
 * Goes on where it was said on the command line that it may; else a person is asked, where one sits.
 * @throws UserError where it may not
 */
async function requireConsent(
  look: () => Promise<Farewell>,
  { yes, force }: LeaveWish,
  { output, confirm }: Pick<LeaveContext, 'output' | 'confirm'>,
): Promise<void> {
  if (yes !== true && force !== true && confirm !== undefined) {
    await askPerson(look, output, confirm);
    return;
  }
  const { leaver, objections, ends } = await look();
  if (force !== true && objections.length > 0) {
    throw new UserError(
      `${leaver.cluster} should not leave ${leaver.clusterset} yet\n  ${objections.map(({ text }) => text).join('\n  ')}`,
      { hint: 'mend that first, or leave all the same with --force' },
    );
  }
  if (yes !== true && force !== true) {
    throw usageError(
      `${leaver.cluster} would leave ${leaver.clusterset}: ${ends.join('; ')}`,
      'say --yes to leave',
    );
  }
  for (const { text } of objections) output.warn(text);
}

/**
 * A question may stand for long: what speaks against it only since then is asked too.
 * @returns as it was when it was agreed to last @throws UserError unless every answer is yes
 */
export async function askPerson(
  look: () => Promise<Farewell>,
  output: CommandOutput,
  confirm: Confirm,
): Promise<Farewell> {
  let shown = await look();
  for (;;) {
    output.note(farewellText(shown));
    if (!(await confirm('Leave?'))) {
      throw new UserError('not left: nothing was changed', { hint: 'answer y, or say --yes, to leave' });
    }
    const now = await look();
    if (!hasNewObjections(shown, now)) return now;
    output.note('Since you were asked, more speaks against it:');
    shown = now;
  }
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
    `where the store has users: ACL DELUSER ${storeUsername(cluster)}`,
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
