import type { ClusterName } from '../../federation/model/cluster.ts';
import type { RejectionReason } from '../../federation/model/rejections.ts';
import type { Peer } from '../../federation/model/snapshot.ts';
import { type Clock, every } from '../../federation/runtime/clock.ts';
import type { CodecResources } from '../http/resources.ts';
import { Standstill } from '../http/standstill.ts';
import type { ConnectionSource } from '../upstream/connection-source.ts';
import { type TrunkCredentials, TrunkDialler } from './dialler.ts';
import { isMember } from './inbound-trunks.ts';
import { PeerTrunk, type TrunkPlace } from './peer-trunk.ts';
import type { TrunkState } from './trunk-state.ts';
import { TRUNK_TIMING, type TrunkTiming } from './trunk-timing.ts';

export interface TrunkSetOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly resources: CodecResources;
  /** Taken anew for each connection; undefined until the first SVID is there. */
  readonly credentials: () => TrunkCredentials | undefined;
  readonly rejected: (reason: RejectionReason) => void;
  readonly onPeerLost: (cluster: ClusterName) => void;
  readonly onPeerAnswered: (cluster: ClusterName) => void;
  /** Keep a trunk to every peer open, also without requests. */
  readonly warm: boolean;
  readonly timing?: TrunkTiming;
}

/** How the trunk to one peer does, for metrics and for the federation service. */
export interface TrunkReport {
  readonly cluster: ClusterName;
  readonly state: TrunkState['kind'];
  /** When it came up or went down, Unix ms; undefined in other states. */
  readonly sinceMs: number | undefined;
  readonly rttMs: number | undefined;
  readonly openStreams: number;
  readonly problem: string | undefined;
}

const UNKNOWN_PEER: ConnectionSource = {
  acquire(waiter) {
    waiter.connectionFailed({ kind: 'connect', reason: 'no such peer' });
    return undefined;
  },
  withdraw() {
    // Nobody ever waits here.
  },
};

/** A worker's trunks, one for each peer cluster of the snapshot in force. */
export class TrunkSet {
  readonly #place: TrunkPlace;
  readonly #trunks = new Map<ClusterName, PeerTrunk>();
  readonly #warm: boolean;
  readonly #standstill: Standstill;
  readonly #cancelTick: () => void;

  constructor(options: TrunkSetOptions) {
    const timing = options.timing ?? TRUNK_TIMING;
    const { clock, random, resources, rejected, onPeerLost, onPeerAnswered, credentials } = options;
    const { reads } = resources;
    const timeoutMs = timing.connectTimeoutMs;
    const dialler = new TrunkDialler({ clock, reads, random, credentials, timeoutMs });
    this.#place = { clock, random, resources, dialler, timing, rejected, onPeerLost, onPeerAnswered };
    this.#warm = options.warm;
    this.#standstill = new Standstill(Math.max(1_000, 4 * timing.tickMs), clock.monotonic());
    this.#cancelTick = every(clock, timing.tickMs, () => this.#tick());
  }

  of(cluster: ClusterName): ConnectionSource {
    return this.#trunks.get(cluster) ?? UNKNOWN_PEER;
  }

  /** The peers of a new snapshot. Trunks to those that are gone end with their last stream. */
  setPeers(peers: ReadonlyMap<ClusterName, Peer>): void {
    for (const [cluster, trunk] of this.#trunks) {
      if (isMember(peers.get(cluster))) continue;
      this.#trunks.delete(cluster);
      trunk.drain();
    }
    for (const [cluster, peer] of peers) {
      if (!isMember(peer)) continue;
      const trunk = this.#trunks.get(cluster);
      if (trunk === undefined) this.#trunks.set(cluster, new PeerTrunk(peer, this.#place));
      else trunk.setPeer(peer);
    }
  }

  /** Another worker reached the cluster: a lost trunk may be tried at once. */
  peerAnswered(cluster: ClusterName): void {
    this.#trunks.get(cluster)?.peerAnswered();
  }

  reports(): TrunkReport[] {
    const { clock } = this.#place;
    const unixOffsetMs = clock.now() - clock.monotonic();
    return [...this.#trunks].map(([cluster, trunk]) => {
      const { state, rttMs, openStreams, problem } = trunk;
      const sinceMs = 'sinceMs' in state ? state.sinceMs + unixOffsetMs : undefined;
      return { cluster, state: state.kind, sinceMs, rttMs, openStreams, problem };
    });
  }

  /** Ends all trunks at once. */
  close(): void {
    this.#cancelTick();
    for (const trunk of this.#trunks.values()) trunk.destroy();
    this.#trunks.clear();
  }

  #tick(): void {
    const nowMs = this.#place.clock.monotonic();
    const stoodStill = this.#standstill.look(nowMs);
    for (const trunk of this.#trunks.values()) {
      if (stoodStill) trunk.forgive(nowMs);
      trunk.tick(nowMs, this.#warm);
    }
  }
}
