import type { ClusterProvider } from '../../clusters/provider.ts';
import type { ClusterName, LocalCluster } from '../model/cluster.ts';
import type { Drain } from '../model/drain.ts';
import type { Peer } from '../model/snapshot.ts';
import type { PeerSource } from '../routing-options.ts';
import type { Watchable } from '../runtime/watchable.ts';
import type { FederationMemory } from '../state/memory-file.ts';
import type { TrunkFinding } from '../wire/health-report.ts';
import { DrainBook } from './drain-book.ts';
import { PeerBook } from './peer-book.ts';
import { assemblePeers, knownPeers } from './peers.ts';

export interface StandingSources {
  readonly local: LocalCluster;
  readonly peers: Pick<PeerSource, 'views'>;
  readonly provider: Pick<ClusterProvider, 'peerRules'>;
  /** Where this cluster's own drain is told. */
  readonly drain: Watchable<Drain | undefined>;
}

/** How each cluster as a whole stands, this one included: whether it fails or returns, and whether it is drained. */
export class ClusterStandings {
  readonly #sources: StandingSources;
  readonly #peers: PeerBook;
  readonly #drains: DrainBook;

  constructor(sources: StandingSources, last: FederationMemory | undefined) {
    this.#sources = sources;
    this.#peers = new PeerBook(last?.peers);
    this.#drains = new DrainBook(last?.drains);
  }

  /** What the next process must know. */
  get memory(): Pick<FederationMemory, 'peers' | 'drains'> {
    return { peers: this.#peers.memory, drains: this.#drains.memory };
  }

  /** @returns `previous`, or the same object in it, where nothing changed */
  peers(previous: ReadonlyMap<ClusterName, Peer>, nowMs: number): ReadonlyMap<ClusterName, Peer> {
    const { local, peers, provider } = this.#sources;
    const known = knownPeers(local, peers.views.values(), provider.peerRules);
    const assembled = assemblePeers(
      local,
      known,
      ({ cluster, reach }) => ({
        health: this.#peers.judge(cluster, reach, nowMs),
        drain: this.#drains.judge(cluster, provider.peerRules.get(cluster)?.drain, nowMs),
      }),
      previous,
    );
    this.#peers.retain(assembled);
    this.#drains.retain((cluster) => assembled.has(cluster) || cluster === local.name);
    return assembled;
  }

  /** A ClusterPeer under the cluster's own name speaks of itself. */
  ownDrain(nowMs: number): Drain | undefined {
    const { local, provider, drain } = this.#sources;
    const own = this.#drains.judge(local.name, provider.peerRules.get(local.name)?.drain, nowMs);
    drain.set(own);
    return own;
  }

  /** Before the first head of this process: one without the drain would take back what the cluster said of itself. */
  recallDrain(told: Drain | undefined, nowMs: number): void {
    if (told !== undefined) this.#drains.recall(this.#sources.local.name, told);
    this.ownDrain(nowMs);
  }

  /** @returns whether that says anything new of a peer */
  report(gateway: string, startedAtMs: number, findings: readonly TrunkFinding[], nowMs: number): boolean {
    return this.#peers.report(gateway, startedAtMs, findings, nowMs);
  }

  /** The gateway reports no more. */
  silence(gateway: string): void {
    this.#peers.silence(gateway);
  }
}
