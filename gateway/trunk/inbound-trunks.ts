import type { ClusterName } from '../../federation/model/cluster.ts';
import type { Peer } from '../../federation/model/snapshot.ts';
import type { ServerConnection } from '../http/stream.ts';

/** The trunks that peers opened to this worker. */
export class InboundTrunks {
  readonly #clusters = new Map<ServerConnection, ClusterName | undefined>();

  add(connection: ServerConnection, cluster: ClusterName | undefined): void {
    this.#clusters.set(connection, cluster);
  }

  remove(connection: ServerConnection): void {
    this.#clusters.delete(connection);
  }

  /** The peers of a new snapshot. Whoever is no member any more is trusted no more: its trunks end at once. */
  setPeers(peers: ReadonlyMap<ClusterName, Peer>): void {
    for (const [connection, cluster] of this.#clusters) {
      if (cluster !== undefined && isMember(peers.get(cluster))) continue;
      this.#clusters.delete(connection);
      connection.destroy();
    }
  }
}

export function isMember(peer: Peer | undefined): boolean {
  return peer !== undefined && peer.reach !== 'left';
}
