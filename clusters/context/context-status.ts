import { elapsed } from '../../federation/model/elapsed.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { type Attempt, attempt } from '../commands/attempt.ts';
import { type CommandOutput, columns } from '../commands/command-output.ts';
import { type WrittenPeer, writtenPeers } from './cluster-peers.ts';
import { askGateways, type GatewayAnswer, type GatewaySight } from './gateway-sight.ts';
import type { Component } from './kubernetes-site.ts';
import type { OpenRelease } from './open-release.ts';
import type { PodSight } from './pod-sight.ts';
import { jsonOf, refusal } from './release-program.ts';

/**
 * `isthmus cluster status --context`: what the federation service says, and every pod; where it does not answer, what it
 * wrote last into the ClusterPeers. Exit code 3 when something is not ready.
 */
export async function statusByContext(
  open: OpenRelease,
  output: CommandOutput,
  nowMs: number,
): Promise<void> {
  const { site, release } = open;
  output.progress(`asking the pods of ${release.cluster}`);
  const json = output.format !== 'text';
  const [said, federation, gateway, sights] = await Promise.all([
    attempt(saidBy(open, json ? 'json' : 'text')),
    site.pods(release, 'federation'),
    site.pods(release, 'gateway'),
    askGateways(site, release),
  ]);
  const pods = [...rowsOf('federation', federation), ...rowsOf('gateway', gateway)].map((pod) => ({
    ...pod,
    gateway: sightOf(sights, pod.name),
  }));
  const about =
    said.kind === 'answered'
      ? answered(said.value, json)
      : unanswered(release.cluster, said.error, await attempt(writtenPeers(open)), output);
  output.result({ ...about.value, pods: pods.map(printable) }, () =>
    [about.text, '', podTable(pods, nowMs)].join('\n').trimStart(),
  );
  if (said.kind === 'failed') throw said.error;
  if (said.value.failure !== undefined) throw said.value.failure;
  const unready = pods.filter(({ ready }) => !ready).map(({ name }) => name);
  if (unready.length === 0) return;
  throw new UserError(`${release.cluster}: not ready: ${unready.join(', ')}`, {
    hint: `isthmus cluster check ${site.flags} says what to do`,
    exitCode: 3,
  });
}

interface Said {
  readonly stdout: string;
  /** It is told, and not all of it is well. */
  readonly failure: UserError | undefined;
}

/** What a status begins with, before the pods. */
interface About {
  readonly value: object;
  readonly text: string;
}

/** @throws UserError where the federation service says nothing of itself; as code 3, for that it is down is found */
async function saidBy({ site, release }: OpenRelease, format: string): Promise<Said> {
  const ran = await attempt(site.look(release, ['cluster', 'status', '--output', format]));
  if (ran.kind === 'failed') throw found(ran.error);
  const failure = ran.value.exitCode === 0 ? undefined : refusal(ran.value, { release });
  if (failure !== undefined && failure.exitCode !== 3) throw found(failure);
  return { stdout: ran.value.stdout, failure };
}

function found(failure: UserError): UserError {
  return new UserError(failure.message, { hint: failure.hint, exitCode: 3, cause: failure });
}

function answered({ stdout }: Said, json: boolean): About {
  const value = json ? jsonOf(stdout) : {};
  return { value: typeof value === 'object' && value !== null ? value : {}, text: stdout.trimEnd() };
}

function unanswered(
  cluster: string,
  { message }: UserError,
  written: Attempt<readonly WrittenPeer[]>,
  output: CommandOutput,
): About {
  const clusterPeers = written.kind === 'answered' ? written.value : { unanswered: written.error.message };
  const peers =
    written.kind === 'answered' ? writtenTable(written.value) : output.style('red', written.error.message);
  return {
    value: { cluster, federation: { unanswered: message }, clusterPeers },
    text: [
      `${output.style('bold', cluster)}  federation  ${output.style('red', message)}`,
      ...(peers === '' ? [] : ['', 'What it wrote last:', peers]),
    ].join('\n'),
  };
}

function writtenTable(peers: readonly WrittenPeer[]): string {
  if (peers.length === 0) return '';
  const status = ({ conditions }: WrittenPeer, name: string): string =>
    conditions.find(({ type }) => type === name)?.status ?? '-';
  return columns([
    ['PEER', 'CONNECTED', 'TRUSTED', 'SYNCED', 'LAST SEEN'],
    ...peers.map((peer) => [
      peer.cluster,
      ...['Connected', 'Trusted', 'Synced'].map((name) => status(peer, name)),
      peer.lastSeen ?? 'never',
    ]),
  ]);
}

type Row = PodSight & { readonly component: Component };
type SeenRow = Row & { readonly gateway: GatewaySight['answer'] | undefined };

function rowsOf(component: Component, pods: readonly PodSight[]): readonly Row[] {
  return pods.map((pod) => ({ ...pod, component }));
}

function sightOf(sights: readonly GatewaySight[], pod: string): GatewaySight['answer'] | undefined {
  return sights.find((sight) => sight.pod === pod)?.answer;
}

function printable({ component, name, ready, restarts, problem, gateway }: SeenRow): object {
  const answer = gateway?.kind === 'failed' ? { unanswered: gateway.error.message } : gateway?.value;
  return { component, name, ready, restarts, problem: problem ?? null, gateway: answer ?? null };
}

function podTable(pods: readonly SeenRow[], nowMs: number): string {
  return columns([
    ['POD', 'READY', 'RESTARTS', 'CONTROL', 'CERTIFICATE', 'TRUNKS'],
    ...pods.map(({ name, ready, restarts, problem, gateway }) => [
      name,
      ready ? 'yes' : `no: ${problem}`,
      String(restarts),
      ...gatewayCells(gateway, nowMs),
    ]),
  ]);
}

function gatewayCells(answer: GatewaySight['answer'] | undefined, nowMs: number): readonly string[] {
  if (answer === undefined) return ['-', '-', '-'];
  if (answer.kind === 'failed') return [`? ${answer.error.message}`, '?', '?'];
  const { control, svid, peers } = answer.value;
  const trunks = peers.map((peer) => trunkText(peer, nowMs)).join(', ');
  return [
    control.kind,
    svid === undefined ? 'none yet' : `for ${elapsed(svid.expiresInSeconds * 1000)}`,
    trunks === '' ? 'none needed' : trunks,
  ];
}

function trunkText({ cluster, trunk }: GatewayAnswer['peers'][number], nowMs: number): string {
  if (trunk === null) return `${cluster} none yet`;
  const since = elapsed(Math.max(0, nowMs - trunk.sinceMs));
  return trunk.up
    ? `${cluster} up for ${since}, ${(trunk.rttSeconds * 1000).toFixed(1)} ms`
    : `${cluster} down for ${since}`;
}
