import { localityKey } from '../../federation/model/cluster.ts';
import { elapsed } from '../../federation/model/elapsed.ts';
import { hostPort } from '../../federation/model/endpoint.ts';
import { readClusterFile } from '../folder/cluster-file.ts';
import { sightLayout } from '../folder/home-file.ts';
import { type CommandOutput, columns } from './command-output.ts';
import type { FederationReport, PeerReport, Programs } from './programs.ts';

export interface LookFlags {
  readonly dir: string;
}

export interface LookContext {
  readonly output: CommandOutput;
  readonly programs: Programs;
}

/** `isthmus cluster list`: every member of the clusterset that this one knows. */
export async function listCommand({ dir }: LookFlags, { output, programs }: LookContext): Promise<void> {
  const layout = await sightLayout(dir);
  const file = await readClusterFile(layout);
  const report = await programs.askFederation(layout.federationFile);
  const own = {
    cluster: report.cluster,
    self: true,
    trustDomain: report.trustDomain,
    locality: report.locality,
    reach: 'local',
    lastSeen: new Date(report.nowMs).toISOString(),
    services: report.store.exportedServices,
    drainedPercent: report.drainedPercent,
    lastMemberOf: report.lastMemberOf,
    gateways: file.gateways,
    problem: null,
  };
  const members = [own, ...report.peers.map(memberOf)];
  output.result({ clusterset: report.clusterset, members }, () => table(report, file.gateways));
}

function memberOf(peer: PeerReport) {
  const { cluster, trustDomain, locality, reach, lastSeenMs, services, problem } = peer;
  const { drainedPercent, lastMemberOf } = peer;
  return {
    cluster,
    self: false,
    trustDomain,
    locality,
    reach,
    lastSeen: lastSeenMs === 0 ? null : new Date(lastSeenMs).toISOString(),
    services,
    drainedPercent,
    lastMemberOf,
    gateways: addresses(peer),
    problem: problem ?? null,
  };
}

function table(report: FederationReport, gateways: readonly string[]): string {
  const { cluster, locality, store, peers, nowMs } = report;
  const own = [`${cluster} *`, 'local', drained(report), '-', localityKey(locality)];
  return columns([
    ['CLUSTER', 'REACH', 'DRAINED', 'LAST SEEN', 'LOCALITY', 'SERVICES', 'GATEWAYS'],
    [...own, String(store.exportedServices), gateways.join(' ')],
    ...peers.map((peer) => [
      peer.cluster,
      peer.reach,
      drained(peer),
      lastSeen(peer, nowMs),
      peer.locality.region === '' ? '-' : localityKey(peer.locality),
      String(peer.services),
      addresses(peer).join(' '),
    ]),
  ]);
}

/** How much of its share a drain has taken. */
export function drained({ drainedPercent }: Pick<PeerReport, 'drainedPercent'>): string {
  return drainedPercent === 0 ? '-' : `${drainedPercent} %`;
}

export function lastSeen({ lastSeenMs }: PeerReport, nowMs: number): string {
  return lastSeenMs === 0 ? 'never' : `${elapsed(Math.max(0, nowMs - lastSeenMs))} ago`;
}

function addresses({ gateways }: PeerReport): string[] {
  return gateways.map(({ host, port }) => hostPort(host, port));
}
