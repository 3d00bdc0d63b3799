import { isDnsLabel } from '../../federation/model/cluster.ts';
import { elapsed } from '../../federation/model/elapsed.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { type ClusterFile, readClusterFile } from '../folder/cluster-file.ts';
import type { FolderHome } from '../folder/folder-home.ts';
import { type ForgettingStore, forgetCluster } from '../folder/forget.ts';
import { sightLayout } from '../folder/home-file.ts';
import { folderRecords } from '../folder/records.ts';
import type { CommandOutput } from './command-output.ts';
import type { Confirm } from './confirmation.ts';
import { type ForgetPlan, forgottenText, planText } from './forget-text.ts';
import type { LookFlags } from './list-command.ts';
import type { FederationReport, Programs } from './programs.ts';
import { usageError } from './usage-error.ts';

/** What was said on the command line. */
export interface ForgetWish {
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

export interface ForgetContext {
  readonly output: CommandOutput;
  readonly programs: Pick<Programs, 'askFederation' | 'askServices'>;
  readonly store: ForgettingStore;
  readonly nowMs: number;
  readonly home?: FolderHome | undefined;
  /** undefined where no person can be asked. */
  readonly confirm?: Confirm | undefined;
}

/** `isthmus cluster forget NAME`, at the trust home: says for a cluster that is lost that it has left. */
export async function forgetCommand(
  cluster: string,
  flags: LookFlags & ForgetWish,
  context: ForgetContext,
): Promise<void> {
  const { output, programs, home, store, nowMs } = context;
  const layout = await sightLayout(flags.dir);
  await home?.pull();
  const file = await readClusterFile(layout);
  checkName(cluster, file);
  const records = home?.records ?? folderRecords(layout);
  const report = await programs.askFederation(layout.federationFile);
  const plan = await planOf(cluster, report, () => programs.askServices(layout.federationFile));
  if (plan.reach === null && !(await records.peers.has(cluster))) throw unknown(cluster, report);
  if (report.store.state === 'down') {
    throw new UserError(`the store does not answer, so nobody can be told: ${report.store.problem}`, {
      hint: 'isthmus cluster check says what to do about the store; then run this again',
    });
  }
  if (flags.dryRun === true) {
    output.result({ ...plan, forgotten: false, dryRun: true }, () => planText(plan));
    return;
  }
  await requireConsent(plan, flags, output, context.confirm);
  output.progress(`telling the clusterset that ${cluster} is gone`);
  await forgetCluster({ layout, file, cluster, nowMs, store, records, isKnown: plan.reach !== null });
  output.result({ ...plan, forgotten: true, dryRun: false }, () => forgottenText(plan, output));
}

function checkName(cluster: string, own: ClusterFile): void {
  if (!isDnsLabel(cluster)) {
    throw usageError(
      `${JSON.stringify(cluster)} is no name of a cluster`,
      'isthmus cluster list has the names',
    );
  }
  if (cluster !== own.cluster) return;
  throw usageError(`${cluster} is this cluster itself`, 'to leave: isthmus cluster leave');
}

async function planOf(
  cluster: string,
  report: FederationReport,
  askServices: () => ReturnType<Programs['askServices']>,
): Promise<ForgetPlan> {
  const peer = report.peers.find((each) => each.cluster === cluster);
  const services = peer === undefined ? [] : await askServices();
  const offers = services.filter(({ clusters }) => clusters.some((each) => each.cluster === cluster));
  return {
    cluster,
    clusterset: report.clusterset,
    reach: peer?.reach ?? null,
    lastSeen: peer === undefined || peer.lastSeenMs === 0 ? null : new Date(peer.lastSeenMs).toISOString(),
    services: offers.length,
    onlyThere: offers.filter(({ clusters }) => clusters.length === 1).map(({ service }) => service),
    objection: peer === undefined ? null : objectionTo(peer, report.nowMs),
    remaining: remainingSteps(cluster, report),
  };
}

/** A cluster that is heard, or whose gateways answer, is not lost. */
function objectionTo(
  { cluster, reach, health, lastSeenMs }: FederationReport['peers'][number],
  nowMs: number,
): string | null {
  if (reach === 'synced') {
    return `${cluster} is not lost: it was heard ${elapsed(Math.max(0, nowMs - lastSeenMs))} ago`;
  }
  if (reach !== 'unreachable' || health.kind === 'failing') return null;
  return `${cluster} may not be lost: it is not heard by way of the store, and its gateways were not seen failing`;
}

function unknown(cluster: string, { cluster: own, peers }: FederationReport): UserError {
  return new UserError(`${own} knows no cluster ${cluster}`, {
    hint: `it knows: ${peers.map((peer) => peer.cluster).join(', ') || 'nobody'}`,
  });
}

function remainingSteps(cluster: string, { peers }: FederationReport): readonly string[] {
  const others = peers.filter((peer) => peer.cluster !== cluster && peer.reach !== 'left');
  const names = others.map((peer) => peer.cluster).join(', ');
  return [
    ...(others.length === 0
      ? []
      : [
          `in ${names}: kubectl delete clusterpeer ${cluster}, or in a folder rm resources/peers/${cluster}.yaml`,
        ]),
    `make sure that ${cluster} does not come back: its certificates hold until they end, 90 days at most, for nothing revokes ` +
      'them yet, and started again where the store has no users it publishes again',
  ];
}

/** @throws UserError where something speaks for it that it lives, or nobody says yes */
export async function requireConsent(
  plan: ForgetPlan,
  { yes, force }: ForgetWish,
  output: CommandOutput,
  confirm: Confirm | undefined,
): Promise<void> {
  requireLost(plan, force);
  if (yes === true) return;
  if (confirm === undefined) throw usageError(planText(plan), 'say --yes to do it');
  output.note(planText(plan));
  if (await confirm(`Forget ${plan.cluster}?`)) return;
  throw new UserError('nothing was changed', { hint: 'answer y, or say --yes, to forget it' });
}

function requireLost({ objection }: ForgetPlan, force: boolean | undefined): void {
  if (objection === null || force === true) return;
  throw new UserError(objection, {
    hint: 'let it leave by itself: isthmus cluster leave, there; or forget it all the same with --force',
  });
}
