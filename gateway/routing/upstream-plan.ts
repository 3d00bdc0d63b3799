import { createHash } from 'node:crypto';
import type { ConnectionPoolPolicy } from '../../federation/model/connection-pool.ts';
import type { TrustDomain } from '../../federation/model/identity.ts';
import {
  carriesTls,
  type PortProtocol,
  type ServiceKey,
  type ServicePort,
} from '../../federation/model/service.ts';
import { type SnapshotService, snapshotKey } from '../../federation/model/snapshot.ts';
import type { UpstreamTls } from '../../federation/model/upstream-tls.ts';
import type { ExpectedName } from '../../trust/upstream-tls.ts';

/** How TLS is spoken to the pods of one port, defaults filled in. The same object as long as nothing of it changes. */
export interface UpstreamTlsPlan {
  /** Shows the gateway's own SVID. */
  readonly mutual: boolean;
  readonly serverName: string;
  /** DER; undefined = the clusterset's trust bundles. */
  readonly authorities: readonly Uint8Array[] | undefined;
  /** The certificate must have one of them. */
  readonly names: readonly ExpectedName[];
  /** What is offered by ALPN; empty = nothing. */
  readonly alpn: readonly ('h2' | 'http/1.1')[];
}

/** How connections to the pods of one port are made. */
export interface UpstreamPlan {
  /** Whose pods they are. */
  readonly service: ServiceKey;
  readonly protocol: PortProtocol;
  /** undefined = plaintext. */
  readonly tls: UpstreamTlsPlan | undefined;
  /** Undefined = all defaults. What changes of it changes the pools that there are. */
  readonly limits: ConnectionPoolPolicy | undefined;
  /** Endpoints with the same address share connections where this is the same. */
  readonly poolKey: string;
}

const ALPN = { http: ['h2', 'http/1.1'], http2: ['h2'], tcp: [] } as const satisfies Record<
  PortProtocol,
  readonly ('h2' | 'http/1.1')[]
>;

/**
 * @param before of the snapshot before: what has not changed stays the same object
 * @param trustDomain of this cluster, whose pods they are
 */
export function upstreamPlan(
  snapshotService: SnapshotService,
  port: ServicePort,
  trustDomain: TrustDomain,
  before: UpstreamPlan | undefined,
): UpstreamPlan {
  const { service, traffic } = snapshotService;
  const { protocol } = port;
  const policy = traffic.upstreamTls;
  // What the client encrypts for the service itself is passed through, whatever the policy says.
  const tls =
    policy === undefined || carriesTls(port) ? undefined : tlsPlan(service, protocol, policy, trustDomain);
  const key = snapshotKey(snapshotService);
  const poolKey = `${key} ${protocol} ${tls === undefined ? 'plaintext' : digest(tls)}`;
  const limits = traffic.connectionPool;
  if (before?.poolKey !== poolKey) return { service: key, protocol, tls, limits, poolKey };
  return before.limits === limits ? before : { ...before, limits };
}

function tlsPlan(
  { namespace, name }: SnapshotService['service'],
  protocol: PortProtocol,
  policy: UpstreamTls,
  trustDomain: TrustDomain,
): UpstreamTlsPlan {
  const serverName = policy.hostname ?? `${name}.${namespace}.svc`;
  const authorities = policy.caCertificates?.map((base64) => Buffer.from(base64, 'base64'));
  // A cluster's intermediate may not sign the names of Kubernetes services: SVIDs are known by their SPIFFE ID.
  const byDefault: ExpectedName =
    authorities === undefined
      ? { kind: 'uri-parent', value: `spiffe://${trustDomain}/ns/${namespace}/sa/` }
      : { kind: 'hostname', value: serverName };
  return {
    mutual: policy.mode === 'mutual',
    serverName,
    authorities,
    names: policy.subjectAltNames.length > 0 ? policy.subjectAltNames : [byDefault],
    alpn: ALPN[protocol],
  };
}

function digest(tls: UpstreamTlsPlan): string {
  const authorities = tls.authorities?.map((der) => Buffer.from(der).toString('base64'));
  return createHash('sha256')
    .update(JSON.stringify({ ...tls, authorities }))
    .digest('base64url');
}
