import { elapsed } from '../../federation/model/elapsed.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { type CommandOutput, columns } from '../commands/command-output.ts';
import { askGateways, type GatewayAnswer, type GatewaySight } from './gateway-sight.ts';
import type { Component } from './kubernetes-site.ts';
import type { OpenRelease } from './open-release.ts';
import type { PodSight } from './pod-sight.ts';
import { jsonOf, refusal } from './release-program.ts';

/** `isthmus cluster status --context`: what the federation service says, and every pod. Exit code 3 when one is not ready. */
export async function statusByContext(
  open: OpenRelease,
  output: CommandOutput,
  nowMs: number,
): Promise<void> {
  const { site, release } = open;
  output.progress(`asking the pods of ${release.cluster}`);
  const json = output.format !== 'text';
  const args = ['cluster', 'status', '--output', json ? 'json' : 'text'];
  const [ran, federation, gateway, sights] = await Promise.all([
    site.run(release, args),
    site.pods(release, 'federation'),
    site.pods(release, 'gateway'),
    askGateways(site, release),
  ]);
  const failure = ran.exitCode === 0 ? undefined : refusal(ran, { release });
  // 3 = it is told, and not all of it is well.
  if (failure !== undefined && failure.exitCode !== 3) throw failure;
  const pods = [...rowsOf('federation', federation), ...rowsOf('gateway', gateway)].map((pod) => ({
    ...pod,
    gateway: sightOf(sights, pod.name),
  }));
  const said = jsonOf(ran.stdout);
  output.result({ ...(typeof said === 'object' ? said : {}), pods: pods.map(printable) }, () =>
    [ran.stdout.trimEnd(), '', podTable(pods, nowMs)].join('\n').trimStart(),
  );
  if (failure !== undefined) throw failure;
  const unready = pods.filter(({ ready }) => !ready).map(({ name }) => name);
  if (unready.length === 0) return;
  throw new UserError(`${release.cluster}: not ready: ${unready.join(', ')}`, {
    hint: `isthmus cluster check --context ${site.context} says what to do`,
    exitCode: 3,
  });
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
