import type { Locality } from './cluster.ts';
import type { FlatAddresses } from './flat-network.ts';

/** A service's name within the clusterset (KEP-1645: sameness of namespaces). */
export interface ServiceName {
  readonly namespace: string;
  readonly name: string;
}

/** `namespace/name`: the key of maps and of the store's hash. */
export type ServiceKey = string;

/** How the gateway speaks on a port. `http` is HTTP/1.1, `http2` is HTTP/2 in plaintext with prior knowledge. */
export type PortProtocol = 'http' | 'http2' | 'tcp';

export interface ServicePort {
  readonly name: string;
  readonly port: number;
  readonly protocol: PortProtocol;
  /** The Service's own `appProtocol`, kept for display and for export. */
  readonly appProtocol: string | undefined;
}

/** A Service's port that no gateway carries, for it is not of TCP; clusters of a flat network reach the pods themselves. */
export interface OtherPort {
  readonly name: string;
  readonly port: number;
  readonly transport: 'UDP' | 'SCTP';
  readonly appProtocol: string | undefined;
}

/**
 * Whether clients speak TLS through this port to the service itself: opaque, with `appProtocol` or the beginning of its
 * name `tls` or `https`.
 */
export function carriesTls({ protocol, appProtocol, name }: ServicePort): boolean {
  const said = appProtocol?.toLowerCase() ?? name.split('-', 1)[0] ?? '';
  return protocol === 'tcp' && (said === 'tls' || said === 'https');
}

export type ServiceType = 'ClusterSetIP' | 'Headless';

/** As in Kubernetes' `ipFamilies`. */
export const IP_FAMILIES = ['IPv4', 'IPv6'] as const;
export type IpFamily = (typeof IP_FAMILIES)[number];

/** What of a Service and its ServiceExport holds for the whole clusterset, beside type and ports. Absent = Kubernetes' default. */
export interface ExportTraits {
  /** `sessionAffinity: ClientIP`, and for how long a client keeps its endpoint; absent = `None`. */
  readonly sessionAffinity?: { readonly timeoutSeconds: number };
  /** `spec.internalTrafficPolicy`; absent = `Cluster`. */
  readonly internalTrafficPolicy?: 'Local';
  /** Of a headless service, whose pods are called by them; absent = not said. */
  readonly ipFamilies?: readonly IpFamily[];
  /** `spec.trafficDistribution` */
  readonly trafficDistribution?: string;
  /** The ServiceExport's `exportedLabels` and `exportedAnnotations`, by name; absent = none. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** How many hosts one locality of one cluster has, and how many of them could take a request. */
export interface LocalityHosts {
  readonly locality: Locality;
  readonly hosts: number;
  readonly healthy: number;
  readonly degraded: number;
  /** Hosts whose first active check is pending: in neither numerator nor denominator. */
  readonly excluded: number;
  readonly weight: number;
}

/** What a cluster says about one service that it exports: the value of one field of the store's hash. */
export interface ServiceRecord extends ExportTraits {
  readonly service: ServiceName;
  readonly type: ServiceType;
  readonly ports: readonly ServicePort[];
  /** Absent = none. */
  readonly otherPorts?: readonly OtherPort[];
  /** Creation of the ServiceExport, Unix ms: the oldest wins a conflict (KEP-1645). */
  readonly exportedAtMs: number;
  /** When what this record says became true in its cluster, Unix ms: the start of the propagation measurement. */
  readonly changedAtMs: number;
  readonly localities: readonly LocalityHosts[];
  /** Of a headless service, where the cluster says which network it is in. */
  readonly addresses?: FlatAddresses;
}

/** Of something that says more. */
export function traitsOf({
  sessionAffinity,
  internalTrafficPolicy,
  ipFamilies,
  trafficDistribution,
  labels,
  annotations,
}: ExportTraits): ExportTraits {
  return {
    ...(sessionAffinity === undefined ? {} : { sessionAffinity }),
    ...(internalTrafficPolicy === undefined ? {} : { internalTrafficPolicy }),
    ...(ipFamilies === undefined ? {} : { ipFamilies }),
    ...(trafficDistribution === undefined ? {} : { trafficDistribution }),
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

export function serviceKey(service: ServiceName): ServiceKey {
  return `${service.namespace}/${service.name}`;
}

/** No name of Kubernetes has the sign, so nobody can offer a service of such a key. */
const BACKEND_SUFFIX = '@backend';

/** Of a Service that nobody but routes of its own cluster lead to: beside the clusterset's service of the same name. */
export function backendKey(key: ServiceKey): ServiceKey {
  return `${key}${BACKEND_SUFFIX}`;
}

export function isBackendKey(key: ServiceKey): boolean {
  return key.endsWith(BACKEND_SUFFIX);
}

/** `namespace/name` of either key. */
export function namedKey(key: ServiceKey): ServiceKey {
  return isBackendKey(key) ? key.slice(0, -BACKEND_SUFFIX.length) : key;
}

export function parseServiceKey(key: ServiceKey): ServiceName {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** MCS name: `<service>.<namespace>.svc.clusterset.local`. */
export function clustersetHost(service: ServiceName): string {
  return `${service.name}.${service.namespace}.svc.clusterset.local`;
}
