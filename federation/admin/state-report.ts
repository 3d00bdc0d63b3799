import type { ProviderProblem } from '../../clusters/provider.ts';
import type { ExportConflict } from '../import/export-conflict.ts';
import type { RefusedRecord } from '../import/importer.ts';
import type { ClusterName, GatewayAddress, Locality, PeerReach } from '../model/cluster.ts';
import type { Drain } from '../model/drain.ts';
import type { ServiceKey } from '../model/service.ts';
import type { PeerHealth } from '../model/snapshot.ts';
import type { RefusalCounts } from '../service/front-refusals.ts';
import type { GatewayStatus } from '../service/gateway-session.ts';
import type { PublisherState } from '../store/publisher-state.ts';

/** What `/state` answers, as JSON. Absent = undefined. Times are Unix ms. */
export interface FederationState {
  readonly cluster: ClusterName;
  readonly clusterset: string;
  readonly trustDomain: string;
  readonly locality: Locality;
  readonly nowMs: number;
  readonly startedAtMs: number;
  readonly readiness: Readiness;
  readonly snapshot:
    | {
        readonly epoch: number;
        readonly version: number;
        readonly createdAtMs: number;
        readonly services: number;
      }
    | undefined;
  readonly store: {
    readonly state: 'up' | 'down';
    readonly problem: string | undefined;
    readonly publisher: PublisherState;
    readonly pendingChanges: number;
    readonly exportedServices: number;
  };
  readonly peers: readonly PeerState[];
  /** Services that no other cluster offers, `namespace/name`: they end with this one. At most the first thousand. */
  readonly onlyHere: readonly ServiceKey[];
  /** This cluster's own drain, as all clusters follow it. */
  readonly drain: DrainState | undefined;
  /** How much of its share that has taken, in whole percent. */
  readonly drainedPercent: number;
  /** Services for which nobody else has a host, or only who is drained: it keeps them in a drain. At most a hundred. */
  readonly lastMemberOf: readonly ServiceKey[];
  readonly gateways: readonly GatewayStatus[];
  /** Since the start, by reason. */
  readonly rejectedConnections: RefusalCounts;
  readonly conflicts: readonly ExportConflict[];
  /** What peers publish and is ignored here; at most the first thousand. */
  readonly refusedRecords: readonly RefusedRecord[];
  readonly resourceProblems: readonly ProviderProblem[];
  readonly certificates: {
    readonly svidNotAfterMs: number | undefined;
    readonly intermediateNotAfterMs: number;
    readonly rootNotAfterMs: number;
  };
}

/** A drain, and how much of the share it has taken by the clock of the state, in whole percent. */
export type DrainState = Drain & { readonly takenPercent: number };

export interface PeerState {
  readonly cluster: ClusterName;
  readonly trustDomain: string;
  readonly reach: PeerReach;
  /** Issue time of its newest head; 0 = never. */
  readonly lastSeenMs: number;
  readonly health: PeerHealth;
  readonly locality: Locality;
  readonly gateways: readonly GatewayAddress[];
  readonly services: number;
  /** Of itself, by its own word. */
  readonly announcedDrain: DrainState | undefined;
  /** By an order of this cluster. */
  readonly drain: DrainState | undefined;
  /** How much of its share both have taken here, in whole percent. */
  readonly drainedPercent: number;
  /** As of the state. */
  readonly lastMemberOf: readonly ServiceKey[];
  readonly bundleSequence: number | undefined;
  /** Why newer word of it was refused. */
  readonly problem: string | undefined;
}

/**
 * `starting`: gateways that connect get nothing yet. `degraded`: they get what was last good, and something is
 * wrong that a person should look at.
 */
export type Readiness =
  | { readonly kind: 'starting'; readonly waitingFor: string; readonly problems: readonly string[] }
  | { readonly kind: 'degraded'; readonly problems: readonly string[] }
  | { readonly kind: 'ready' };

export function judgeReadiness(facts: {
  readonly hasSnapshot: boolean;
  readonly listed: boolean;
  readonly problems: readonly string[];
}): Readiness {
  const { hasSnapshot, listed, problems } = facts;
  if (!hasSnapshot) return { kind: 'starting', waitingFor: 'the first snapshot', problems };
  const all = listed
    ? problems
    : ['the resources are not listed yet: the last snapshot is served', ...problems];
  return all.length === 0 ? { kind: 'ready' } : { kind: 'degraded', problems: all };
}
