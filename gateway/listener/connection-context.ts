import type { ClusterName } from '../../federation/model/cluster.ts';
import type { SpiffeId } from '../../federation/model/identity.ts';

/** Who is at the other end of a downstream connection and how it came in; fixed for the connection's life. */
export interface ConnectionContext {
  /**
   * `tls-passthrough`: a client whose TLS is carried as it is; `serverName` chooses the service, and nobody is known.
   * `trunk`: another cluster's gateway, whose requests go to local endpoints only (split horizon).
   */
  readonly origin: 'client' | 'trunk' | 'tls-passthrough';
  /** The verified identity of a client on TLS; undefined = anonymous (plaintext), or a trunk. */
  readonly caller: SpiffeId | undefined;
  /** The cluster whose gateway is at the other end of a trunk. */
  readonly peerCluster: ClusterName | undefined;
  /** The imported-service port it came in on, which alone decides the route; undefined on shared ports. */
  readonly listenPort: number | undefined;
  /** The name that a TLS client asked for (SNI): an authority on this connection must be it, else 421. */
  readonly serverName: string | undefined;
  /** `host:port` of the other end, for the access log. */
  readonly remoteAddress: string;
}
