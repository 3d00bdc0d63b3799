import { UserError } from '../../federation/model/user-error.ts';
import { type ClusterFile, readClusterFile } from '../folder/cluster-file.ts';
import type { FolderHome } from '../folder/folder-home.ts';
import { sightLayout } from '../folder/home-file.ts';
import type { CommandOutput } from './command-output.ts';
import { shellWord } from './init-command.ts';
import type { LookFlags } from './list-command.ts';
import { nameSome } from './name-some.ts';
import type { FederationReport, Programs } from './programs.ts';
import { usageError } from './usage-error.ts';

export interface LeaveFlags extends LookFlags {
  readonly yes?: boolean;
  readonly force?: boolean;
}

export interface LeaveContext {
  readonly output: CommandOutput;
  readonly programs: Pick<Programs, 'askFederation' | 'leave'>;
  readonly home?: FolderHome | undefined;
}

/** `isthmus cluster leave`: has the cluster say, as its last word, that it has left the clusterset. */
export async function leaveCommand(
  flags: LeaveFlags,
  { output, programs, home }: LeaveContext,
): Promise<void> {
  const layout = await sightLayout(flags.dir);
  const file = await readClusterFile(layout);
  const report = await programs.askFederation(layout.federationFile);
  const objections = objectionsTo(file, report);
  if (flags.force !== true && objections.length > 0) {
    throw new UserError(
      `${file.cluster} should not leave ${file.clusterset} yet\n  ${objections.join('\n  ')}`,
      {
        hint: 'mend that first, or leave all the same with --force',
      },
    );
  }
  if (flags.yes !== true && flags.force !== true) {
    throw usageError(
      `${file.cluster} would leave ${file.clusterset} (services that it exports: ${report.store.exportedServices}, peers: ${report.peers.length})`,
      'say --yes to leave',
    );
  }
  for (const objection of objections) output.warn(objection);
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
      : [...(await home.remove()), ...stepsElsewhere(file, 'kubectl delete clusterpeer ')];
  output.result({ cluster: file.cluster, clusterset: file.clusterset, left: true, remaining }, () =>
    summary(file, remaining, output),
  );
}

/** What speaks against leaving now. */
function objectionsTo(file: ClusterFile, report: FederationReport): string[] {
  const objections: string[] = [];
  const { onlyHere, peers } = report;
  if (onlyHere.length > 0 && peers.length > 0) {
    objections.push(`no other cluster offers ${nameSome(onlyHere)}`);
  }
  const staying = peers.filter(({ reach }) => reach !== 'left');
  if (file.trustHome && staying.length > 0) {
    objections.push(
      `it holds the root: without it nobody can join, and ${staying.map(({ cluster }) => cluster).join(', ')} cannot be renewed`,
    );
  }
  if (report.store.state === 'down') objections.push('the store does not answer, so nobody can be told');
  return objections;
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
