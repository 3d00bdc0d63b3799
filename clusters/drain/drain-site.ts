import type { ClusterName } from '../../federation/model/cluster.ts';
import type { DrainOrder } from '../../federation/model/drain.ts';
import type { DrainReport, FederationReport, PeerReport } from '../commands/programs.ts';
import { duration } from '../schema/duration.ts';

type PeerDrains = Pick<PeerReport, 'cluster' | 'reach' | 'drain' | 'announcedDrain' | 'lastMemberOf'>;

/** What a federation service says of drains. */
export type DrainSight = Pick<
  FederationReport,
  'cluster' | 'nowMs' | 'drain' | 'lastMemberOf' | 'resourceProblems'
> & { readonly peers: readonly PeerDrains[] };

/** A cluster in which drains are ordered and looked at. Every call throws a UserError that says where. */
export interface DrainSite {
  sight(): Promise<DrainSight>;
  /** What its ClusterPeer of that name orders; undefined = no drain. */
  order(cluster: ClusterName): Promise<DrainOrder | undefined>;
  /** Writes it into the ClusterPeer of that name, which is made where there is none; undefined ends the drain. */
  write(cluster: ClusterName, order: WrittenOrder | undefined): Promise<void>;
  close(): void;
}

/** With its time, so that all replicas and every restart agree. */
export type WrittenOrder = DrainOrder & { readonly sinceMs: number };

/** How the site drains a cluster: itself in all clusters, or a peer by its own gateways. */
export function drainOf(sight: DrainSight, cluster: ClusterName): DrainReport | undefined {
  if (cluster === sight.cluster) return sight.drain;
  return sight.peers.find((peer) => peer.cluster === cluster)?.drain;
}

/** `drain` as it stands in a ClusterPeer. */
export function drainFields({ sinceMs, overMs }: WrittenOrder): {
  readonly duration: string;
  readonly since: string;
} {
  return { duration: duration.encode(overMs), since: new Date(sinceMs).toISOString() };
}
