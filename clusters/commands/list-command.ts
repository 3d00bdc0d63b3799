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
    gateways: file.gateways,
    problem: null,
  };
  const members = [own, ...report.peers.map(memberOf)];
  output.result({ clusterset: report.clusterset, members }, () => table(report, file.gateways));
}

function memberOf(peer: PeerReport) {
  const { cluster, trustDomain, locality, reach, lastSeenMs, services, problem } = peer;
  return {
    cluster,
    self: false,
    trustDomain,
    locality,
    reach,
    lastSeen: lastSeenMs === 0 ? null : new Date(lastSeenMs).toISOString(),
    services,
    gateways: addresses(peer),
    problem: problem ?? null,
  };
}

function table(report: FederationReport, gateways: readonly string[]): string {
  const { cluster, locality, store, peers, nowMs } = report;
  return columns([
    ['CLUSTER', 'REACH', 'LAST SEEN', 'LOCALITY', 'SERVICES', 'GATEWAYS'],
    [`${cluster} *`, 'local', '-', localityKey(locality), String(store.exportedServices), gateways.join(' ')],
    ...peers.map((peer) => [
      peer.cluster,
      peer.reach,
      lastSeen(peer, nowMs),
      peer.locality.region === '' ? '-' : localityKey(peer.locality),
      String(peer.services),
      addresses(peer).join(' '),
    ]),
  ]);
}

export function lastSeen({ lastSeenMs }: PeerReport, nowMs: number): string {
  return lastSeenMs === 0 ? 'never' : `${elapsed(Math.max(0, nowMs - lastSeenMs))} ago`;
}

function addresses({ gateways }: PeerReport): string[] {
  return gateways.map(({ host, port }) => hostPort(host, port));
}
