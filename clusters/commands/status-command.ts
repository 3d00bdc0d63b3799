import { localityKey } from '../../federation/model/cluster.ts';
import { elapsed } from '../../federation/model/elapsed.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { type ClusterFile, localClusterOf, readClusterFile } from '../folder/cluster-file.ts';
import { sightLayout } from '../folder/home-file.ts';
import { type Attempt, attempt } from './attempt.ts';
import { type CommandOutput, columns } from './command-output.ts';
import { drained, type LookContext, type LookFlags, lastSeen } from './list-command.ts';
import { nameSome } from './name-some.ts';
import type { FederationReport, GatewayReport } from './programs.ts';

interface Answers {
  readonly federation: Attempt<FederationReport>;
  /** undefined in Kubernetes, where each gateway has a pod of its own. */
  readonly gateway: Attempt<GatewayReport> | undefined;
}

/** `isthmus cluster status`: how this cluster's two programs do. Exit code 3 when one is not ready. */
export async function statusCommand(
  { dir }: LookFlags,
  context: LookContext & { readonly nowMs: number },
): Promise<void> {
  const { output, programs, nowMs } = context;
  const layout = await sightLayout(dir);
  const file = await readClusterFile(layout);
  const [federation, gateway] = await Promise.all([
    attempt(programs.askFederation(layout.federationFile)),
    layout.inKubernetes ? undefined : attempt(programs.askGateway(layout.gatewayFile)),
  ]);
  const answers = { federation, gateway };
  output.result(
    {
      cluster: file.cluster,
      clusterset: file.clusterset,
      trustDomain: localClusterOf(file).trustDomain,
      trustHome: file.trustHome,
      federation: printable(federation),
      gateway: gateway === undefined ? null : printable(gateway),
    },
    () => text(file, answers, output, nowMs),
  );
  const unready = [
    ...(federation.kind === 'answered' && federation.value.readiness.kind === 'ready' ? [] : ['federation']),
    ...(gateway === undefined || (gateway.kind === 'answered' && gateway.value.ready) ? [] : ['gateway']),
  ];
  if (unready.length === 0) return;
  throw new UserError(`${file.cluster}: not ready: ${unready.join(', ')}`, {
    hint: 'isthmus cluster check says what to do',
    exitCode: 3,
  });
}

function printable<T>(answer: Attempt<T>): T | { readonly unanswered: string } {
  return answer.kind === 'answered' ? answer.value : { unanswered: answer.error.message };
}

function text(
  file: ClusterFile,
  { federation, gateway }: Answers,
  output: CommandOutput,
  nowMs: number,
): string {
  const { cluster, clusterset, locality } = file;
  return [
    `${output.style('bold', cluster)} of ${clusterset}, ${localityKey(locality)}${file.trustHome ? ', trust home' : ''}`,
    '',
    ...columns([
      ...(federation.kind === 'failed'
        ? [['federation', output.style('red', federation.error.message)]]
        : federationRows(federation.value, output)),
      ...gatewayAnswer(gateway, output),
    ]).split('\n'),
    ...(federation.kind === 'failed'
      ? []
      : ['', peerTable(federation.value, gateway, nowMs), ...keptLines(federation.value, output)]),
  ].join('\n');
}

function gatewayAnswer(gateway: Answers['gateway'], output: CommandOutput): string[][] {
  if (gateway === undefined) return [];
  if (gateway.kind === 'answered') return gatewayRows(gateway.value, output);
  return [['gateway', output.style('red', gateway.error.message)]];
}

function federationRows(report: FederationReport, output: CommandOutput): string[][] {
  const { readiness, store, snapshot } = report;
  const { kind, leader } = store.publisher;
  return [
    ['federation', readinessText(readiness, output)],
    ...(readiness.kind === 'ready' ? [] : readiness.problems.map((problem) => ['', `! ${problem}`])),
    [
      '  store',
      `${store.state}, ${leader === undefined ? kind : `${leader} leads`}, ${store.exportedServices} services exported`,
    ],
    [
      '  snapshot',
      snapshot === undefined
        ? 'none yet'
        : `${snapshot.epoch}/${snapshot.version}, ${snapshot.services} services`,
    ],
    ...(report.drainedPercent === 0
      ? []
      : [['  drained', `${drained(report)} of its share, in all clusters`]]),
  ];
}

/** What drained clusters go on with. */
function keptLines(report: FederationReport, output: CommandOutput): string[] {
  const own = { ...report, announcedDrain: undefined };
  return [own, ...report.peers].flatMap(({ cluster, drain, announcedDrain, lastMemberOf }) => {
    const isDrained = [drain, announcedDrain].some((each) => each?.kind === 'draining');
    if (!isDrained || lastMemberOf.length === 0) return [];
    const kept = `${cluster} keeps ${nameSome(lastMemberOf)}: no other cluster has a host for that`;
    return [output.style('yellow', `! ${kept}`)];
  });
}

function readinessText(readiness: FederationReport['readiness'], output: CommandOutput): string {
  if (readiness.kind === 'ready') return output.style('green', 'ready');
  const reason =
    readiness.kind === 'starting' ? `starting, waits for ${readiness.waitingFor}` : readiness.kind;
  return output.style('yellow', reason);
}

function gatewayRows({ ready, workers, control, svid }: GatewayReport, output: CommandOutput): string[][] {
  const state = ready ? output.style('green', 'ready') : output.style('yellow', 'not ready');
  const identity = svid === undefined ? 'none yet' : `expires in ${elapsed(svid.expiresInSeconds * 1000)}`;
  return [
    ['gateway', `${state}, ${workers.length} ${workers.length === 1 ? 'worker' : 'workers'}`],
    ['  control', control.reason === undefined ? control.kind : `${control.kind}: ${control.reason}`],
    ['  identity', identity],
  ];
}

function peerTable(
  { peers, nowMs: askedMs }: FederationReport,
  gateway: Answers['gateway'],
  nowMs: number,
): string {
  if (peers.length === 0) return 'no peers yet: isthmus cluster invite NAME lets one join';
  return columns([
    ['PEER', 'REACH', 'HEALTH', 'DRAINED', 'LAST SEEN', 'SERVICES', 'TRUNK'],
    ...peers.map((peer) => [
      peer.cluster,
      peer.problem === undefined ? peer.reach : `${peer.reach} (${peer.problem})`,
      peer.health.kind,
      drained(peer),
      lastSeen(peer, askedMs),
      String(peer.services),
      trunkText(peer.cluster, gateway, nowMs),
    ]),
  ]);
}

function trunkText(cluster: string, gateway: Answers['gateway'], nowMs: number): string {
  if (gateway === undefined || gateway.kind === 'failed') return '?';
  const trunk = gateway.value.peers.find((peer) => peer.cluster === cluster)?.trunk;
  if (trunk === null || trunk === undefined) return 'none yet';
  const since = elapsed(Math.max(0, nowMs - trunk.sinceMs));
  return trunk.up ? `up for ${since}, ${(trunk.rttSeconds * 1000).toFixed(1)} ms` : `down for ${since}`;
}
