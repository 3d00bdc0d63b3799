import type { GatewayAddress, Locality, PeerReach } from '../../federation/model/cluster.ts';
import type { Drain } from '../../federation/model/drain.ts';
import type { ServiceKey } from '../../federation/model/service.ts';
import type { PeerHealth } from '../../federation/model/snapshot.ts';

/** What the federation service says of itself, as far as these commands need it. Times are Unix ms. */
export interface FederationReport {
  readonly cluster: string;
  readonly clusterset: string;
  readonly trustDomain: string;
  readonly locality: Locality;
  readonly nowMs: number;
  readonly readiness:
    | { readonly kind: 'starting'; readonly waitingFor: string; readonly problems: readonly string[] }
    | { readonly kind: 'degraded'; readonly problems: readonly string[] }
    | { readonly kind: 'ready' };
  readonly snapshot:
    | { readonly epoch: number; readonly version: number; readonly services: number }
    | undefined;
  readonly store: {
    readonly state: 'up' | 'down';
    readonly problem: string | undefined;
    readonly publisher: { readonly kind: string; readonly leader?: string };
    readonly exportedServices: number;
  };
  readonly peers: readonly PeerReport[];
  /** Services that no other cluster offers. */
  readonly onlyHere: readonly ServiceKey[];
  /** This cluster's own, which all clusters follow. */
  readonly drain?: DrainReport | undefined;
  /** How much of its share that has taken, in whole percent. */
  readonly drainedPercent: number;
  /** Services for which no other cluster that is not drained has a host; some of them where there are many. */
  readonly lastMemberOf: readonly ServiceKey[];
  readonly resourceProblems: readonly Complaint[];
  readonly conflicts: readonly { readonly service: ServiceKey; readonly message: string }[];
}

/** A drain, and how much of the share it has taken by the clock of the report, in whole percent. */
export type DrainReport = Drain & { readonly takenPercent: number };

export interface PeerReport {
  readonly cluster: string;
  readonly trustDomain: string;
  readonly reach: PeerReach;
  /** Issue time of its newest head; 0 = never. */
  readonly lastSeenMs: number;
  readonly health: PeerHealth;
  readonly locality: Locality;
  readonly gateways: readonly GatewayAddress[];
  readonly services: number;
  /** By its own word. */
  readonly announcedDrain?: DrainReport | undefined;
  /** By an order of the cluster that reports. */
  readonly drain?: DrainReport | undefined;
  /** How much of its share both have taken, in whole percent. */
  readonly drainedPercent: number;
  readonly lastMemberOf: readonly ServiceKey[];
  readonly problem: string | undefined;
}

/** A service of the clusterset. */
export interface ServiceReport {
  readonly service: ServiceKey;
  readonly type: string;
  readonly exported: 'published' | 'pending' | 'no';
  /** Nobody exports it: only routes of this cluster lead to it. */
  readonly backendOnly?: true;
  readonly ports: readonly { readonly name: string; readonly port: number; readonly protocol: string }[];
  readonly clusters: readonly {
    readonly cluster: string;
    readonly hosts: number;
    readonly healthy: number;
    readonly health: string;
  }[];
  readonly conflicts: readonly string[];
}

export interface Complaint {
  readonly where: string;
  readonly message: string;
  readonly hint: string;
}

/** What a gateway says of itself, as far as these commands need it. */
export interface GatewayReport {
  readonly cluster: string;
  readonly ready: boolean;
  readonly control: { readonly kind: string; readonly reason?: string | undefined };
  readonly workers: readonly number[];
  readonly svid?: { readonly expiresInSeconds: number } | undefined;
  readonly peers: readonly {
    readonly cluster: string;
    readonly trunk: { readonly up: boolean; readonly sinceMs: number; readonly rttSeconds: number } | null;
  }[];
}

/** Whom a configuration file is for. */
export interface ConfiguredCluster {
  readonly cluster: string;
  readonly clusterset: string;
}

/** Whether the store took a cluster's last word. */
export type LeaveOutcome =
  | { readonly kind: 'left' }
  /** `other-replica`: another writes now, and is the one to tell. */
  | { readonly kind: 'pending' | 'other-replica'; readonly reason: string };

/**
 * The running programs of a cluster, by their configuration files. Handed in, for neither programs nor store are
 * this part's business. Every call throws a UserError for what a person must mend.
 */
export interface Programs {
  readGatewayFile(file: string): Promise<ConfiguredCluster>;
  readFederationFile(file: string): Promise<ConfiguredCluster>;
  askFederation(file: string): Promise<FederationReport>;
  askServices(file: string): Promise<readonly ServiceReport[]>;
  askGateway(file: string): Promise<GatewayReport>;
  /** Connects to the store as the cluster's user, and tries its permissions. */
  checkStore(file: string): Promise<void>;
  leave(file: string, cluster: string): Promise<LeaveOutcome>;
}
