import type { ClusterName } from '../../../federation/model/cluster.ts';
import type { AddressGroup } from '../../../federation/model/flat-network.ts';
import type { ExportTraits, OtherPort, ServiceKey } from '../../../federation/model/service.ts';
import type { ServiceOffer, SnapshotService } from '../../../federation/model/snapshot.ts';
import type { Readable } from '../../../federation/runtime/watchable.ts';

/** What an import shows of a cluster's offer. */
export type ClustersetOffer = Pick<ServiceOffer, 'cluster' | 'ports'>;

/** A service of the clusterset, as far as it is imported. */
export interface ClustersetService extends Pick<SnapshotService, 'service' | 'type' | 'ports'> {
  /** One per cluster that offers it. */
  readonly offers: readonly ClustersetOffer[];
  /** What the oldest export says of all of it. */
  readonly traits: ExportTraits;
  /** Of all exports, as `ports` are. */
  readonly otherPorts: readonly OtherPort[];
  /** Of a headless service, by cluster of this one's network. */
  readonly addresses: ReadonlyMap<ClusterName, readonly AddressGroup[]>;
}

/** Where two exports of a service disagree; `reason` is KEP-1645's. */
export interface ExportDispute {
  /** Whose export lost. */
  readonly cluster: ClusterName;
  /** Whose older export holds. */
  readonly winner: ClusterName;
  readonly reason: string;
  readonly message: string;
}

/** How far this cluster's own export of a service has come. */
export type ExportProgress =
  /** Nothing is said of it to others. */
  | { readonly kind: 'unsaid' }
  /** It is on its way to the store. */
  | { readonly kind: 'pending' }
  /** Other clusters can read it. */
  | { readonly kind: 'published' };

/** What the clusterset knows, as the federation service gives it. Every answer is what holds at that moment. */
export interface ClustersetView {
  readonly local: ClusterName;
  /** The network of this cluster's pods; undefined = only gateways reach them. */
  readonly network: string | undefined;
  /** Only a leader writes. */
  readonly leading: Readable<boolean>;
  /** Everything that there is has been known at one time. */
  readonly complete: Readable<boolean>;
  /** Clusters, this one included, of which everything that they offer has been known at one time. */
  readonly heard: Readable<ReadonlySet<ClusterName>>;
  readonly keys: Iterable<ServiceKey>;
  serviceOf(key: ServiceKey): ClustersetService | undefined;
  /**
   * It was there and was taken back, or all that had it were heard and have it no more. A service of a cluster that is not
   * read yet is neither there nor gone.
   * @param exporters who had it, as far as that is known; where it is not, everything must be known
   */
  isGone(key: ServiceKey, exporters: readonly ClusterName[]): boolean;
  disputesOf(key: ServiceKey): readonly ExportDispute[];
  exportOf(key: ServiceKey): ExportProgress;
  /** Calls back with the services of which an answer is another one now. */
  watch(listener: (keys: readonly ServiceKey[]) => void): () => void;
}
