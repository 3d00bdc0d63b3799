import type { Logger } from 'pino';
import type { ClusterProvider } from '../clusters/provider.ts';
import type { TrustBundles } from '../trust/bundle.ts';
import type { RecordSink } from './export/exporter.ts';
import type { LogPace } from './log-pace.ts';
import type { ClusterName, LocalCluster } from './model/cluster.ts';
import type { Drain } from './model/drain.ts';
import type { RoutingSnapshot } from './model/snapshot.ts';
import type { Clock } from './runtime/clock.ts';
import type { Readable, Watchable } from './runtime/watchable.ts';
import type { PortTarget } from './snapshot/listen-ports.ts';
import type { PortLedger } from './snapshot/snapshot-builder.ts';
import type { FederationMemory } from './state/memory-file.ts';
import type { PeerListener, PeerView } from './store/peer-view.ts';

/** The peers as the store's follower gives them. */
export interface PeerSource {
  readonly views: ReadonlyMap<ClusterName, PeerView>;
  /** The views have all that the store has, of every member: what is in none of them is not there. */
  readonly complete: boolean;
  watch(listener: PeerListener): () => void;
}

/** The ports of a replica that leads at times. */
export interface TermPorts extends PortLedger {
  /** Whether it waits for `releaseExcept`, which costs a look at every service. */
  readonly owesRelease: boolean;
  /** @param live every target that there is */
  releaseExcept(live: ReadonlySet<PortTarget>, nowMs: number): void;
}

export interface RoutingOptions {
  readonly local: LocalCluster;
  /** The network that this cluster's pods are in; undefined = only gateways reach them. */
  readonly network?: string | undefined;
  readonly epoch: number;
  readonly provider: ClusterProvider;
  readonly peers: PeerSource;
  /** Where this cluster's own records go. */
  readonly publisher: RecordSink;
  readonly ports: TermPorts;
  /** Where this cluster's own drain is told, to be published. */
  readonly drain: Watchable<Drain | undefined>;
  /** What this cluster told of its own drain last, by whatever process; as soon as that is known. */
  readonly toldDrain: Readable<Drain | undefined>;
  /** For this cluster and these others; the same object while they are the same. */
  readonly trustBundles: (clusters: readonly ClusterName[]) => TrustBundles;
  readonly lastMemory: FederationMemory | undefined;
  readonly lastSnapshot: RoutingSnapshot | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** For what peers can make alternate. */
  readonly pace: LogPace;
  /** Told of each new snapshot. */
  readonly onSnapshot: () => void;
  /** Told when `memory` may have changed without a new snapshot. */
  readonly onMemory: () => void;
}
