import type { ClusterName, PeerReach } from '../model/cluster.ts';
import type { ServiceKey, ServiceRecord } from '../model/service.ts';
import type { HeadContent } from './head.ts';

/** What this member knows of another cluster. A live view: it changes only right before listeners are told. */
export interface PeerView {
  readonly cluster: ClusterName;
  readonly reach: PeerReach;
  readonly head: HeadContent | undefined;
  readonly records: ReadonlyMap<ServiceKey, ServiceRecord>;
  /** Issue time of its newest head, Unix ms; 0 when none was ever read. Heartbeats change it, untold. */
  readonly lastSeenMs: number;
  /** Why newer word of it was refused. */
  readonly problem: string | undefined;
  /** It was refused because it is not signed by whom the roots of the clusterset vouch for. */
  readonly untrusted?: boolean;
}

/** What changed in a view. */
export interface PeerChange {
  /** Keys of records that were added, changed or removed. */
  readonly records: readonly ServiceKey[];
  /** Gateways, locality, bundle sequence, a drain or leaving; not a plain heartbeat. */
  readonly head: boolean;
  readonly reach: boolean;
  readonly problem: boolean;
}

export type PeerListener = (cluster: ClusterName, change: PeerChange) => void;
