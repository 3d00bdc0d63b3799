import { isIPv6 } from 'node:net';
import type { ClusterName } from '../../../federation/model/cluster.ts';
import type { IpFamily, OtherPort, ServicePort } from '../../../federation/model/service.ts';
import type { SnapshotPort } from '../../../federation/model/snapshot.ts';
import type { KubeObject, ResourceType } from '../resource-type.ts';
import type { ClustersetService } from './clusterset-view.ts';
import type { WantedCondition } from './conditions.ts';
import { exportedNames } from './exported-names.ts';
import { flatSlices, headlessReady } from './flat-slices.ts';
import type { GatewayEndpoint, GatewayEndpoints } from './gateway-endpoints.ts';
import {
  type AddressType,
  apiVersion,
  derivedName,
  importLabels,
  SLICE_MANAGED_BY,
  SLICE_MANAGER,
  SLICE_SERVICE,
  SOURCE_CLUSTER,
  sliceName,
} from './mcs-objects.ts';

/** An import's derived Service, but of a headless one, and its slices: what gives it an address. */
export interface Derived {
  readonly service: KubeObject | undefined;
  readonly slices: readonly KubeObject[];
}

/** A service port that every gateway listens on. */
interface OpenPort extends ServicePort {
  readonly listenPort: number;
}

/**
 * The Service without a selector, and the slices that say where it goes: to this cluster's gateways, at the port that
 * they listen on for it. undefined where nothing has a port. Of a headless service the pods' own addresses, of clusters of
 * the same network: elsewhere nobody would translate its ports.
 */
export function desiredDerived(known: ClustersetService, gateways: GatewayEndpoints): Derived | undefined {
  if (known.type === 'Headless') {
    const slices = flatSlices(known);
    return slices.length === 0 ? undefined : { service: undefined, slices };
  }
  const ports = openPorts(known);
  if (ports.length === 0) return undefined;
  const { service } = known;
  return {
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: derivedName(service),
        namespace: service.namespace,
        labels: importLabels(service),
      },
      spec: {
        type: 'ClusterIP',
        ipFamilyPolicy: 'PreferDualStack',
        ports: ports.map((port) => ({ ...shownPort(port), targetPort: port.listenPort })),
      },
    },
    slices: known.offers.flatMap(({ cluster, ports: offered }) =>
      [...gateways].map(([addressType, endpoints]) => {
        const carried = offered === undefined ? ports : ports.filter(({ name }) => offered.includes(name));
        return slice(known, cluster, addressType, endpoints, carried);
      }),
    ),
  };
}

function openPorts({ ports }: ClustersetService): readonly OpenPort[] {
  return ports.filter((port): port is SnapshotPort & OpenPort => port.listenPort !== undefined);
}

function slice(
  { service }: ClustersetService,
  cluster: ClusterName,
  addressType: AddressType,
  endpoints: readonly GatewayEndpoint[],
  ports: readonly OpenPort[],
): KubeObject {
  const labels = {
    ...importLabels(service),
    [SOURCE_CLUSTER]: cluster,
    [SLICE_SERVICE]: derivedName(service),
    [SLICE_MANAGED_BY]: SLICE_MANAGER,
  };
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: sliceName(service, cluster, addressType), namespace: service.namespace, labels },
    addressType,
    endpoints,
    ports: ports.map((port) => ({
      name: port.name,
      port: port.listenPort,
      protocol: 'TCP',
      ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
    })),
  };
}

function shownPort(given: ServicePort | OtherPort): Readonly<Record<string, string | number>> {
  const { name, port, appProtocol } = given;
  return {
    ...(name === '' ? {} : { name }),
    port,
    protocol: 'transport' in given ? given.transport : 'TCP',
    ...(appProtocol === undefined ? {} : { appProtocol }),
  };
}

/** @param ips the derived Service's; none for a headless one, or while it has none */
export function desiredImport(
  known: ClustersetService,
  ips: readonly string[],
  resource: ResourceType,
): KubeObject {
  const { service, type, ports, otherPorts, traits } = known;
  const { sessionAffinity, internalTrafficPolicy = 'Cluster', trafficDistribution } = traits;
  // Every v1beta1 has these fields, and not every v1alpha1.
  const newer = resource.version !== 'v1alpha1';
  const families = newer ? familiesOf(known, ips) : [];
  return {
    apiVersion: apiVersion(resource),
    kind: 'ServiceImport',
    metadata: { name: service.name, namespace: service.namespace, ...exportedNames(service, traits) },
    spec: {
      type,
      ports: [...ports, ...otherPorts].map(shownPort),
      ...(ips.length === 0 ? {} : { ips }),
      ...(sessionAffinity === undefined
        ? {}
        : { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: sessionAffinity } }),
      ...(families.length === 0 ? {} : { ipFamilies: families }),
      ...(newer && type === 'ClusterSetIP' ? { internalTrafficPolicy } : {}),
      ...(trafficDistribution === undefined ? {} : { trafficDistribution }),
    },
  };
}

/** A slice as its import owns it (KEP-1645): it goes with that, whoever takes that away. */
export function ownedSlice(
  slice: KubeObject,
  { name, uid }: { readonly name: string; readonly uid: string },
  resource: ResourceType,
): KubeObject {
  const owner = { apiVersion: apiVersion(resource), kind: 'ServiceImport', name, uid };
  return { ...slice, metadata: { ...slice.metadata, ownerReferences: [owner] } };
}

/**
 * Those that lead somewhere: in a dual-stack cluster every derived Service has an address of each family, and the gateways
 * are reached by the families of their own Service. While nothing is known of them, all.
 */
export function leadingIps(ips: readonly string[], gateways: GatewayEndpoints): readonly string[] {
  return gateways.size === 0 ? ips : ips.filter((ip) => gateways.has(familyOf(ip)));
}

function familyOf(address: string): IpFamily {
  return isIPv6(address) ? 'IPv6' : 'IPv4';
}

/** By which clients here reach it: by its address, or by those of its pods. */
function familiesOf({ type, addresses }: ClustersetService, ips: readonly string[]): readonly IpFamily[] {
  const hosts = [...addresses.values()].flat().flatMap((group) => group.hosts);
  const found = type === 'Headless' ? hosts.map(({ address }) => address) : ips;
  return [...new Set(found.map(familyOf))].sort();
}

/**
 * Whether clients can use the import now, and why not.
 * @param refusal the API server's, of what is derived of it
 */
export function importReady(
  known: ClustersetService,
  ips: readonly string[],
  gateways: GatewayEndpoints,
  refusal?: string | undefined,
): WantedCondition {
  const no = (reason: string, message: string): WantedCondition => ({
    type: 'Ready',
    status: 'False',
    reason,
    message,
  });
  if (refusal !== undefined)
    return no('Failed', `the API server does not take what gives it an address: ${refusal}`);
  if (known.type === 'Headless') return headlessReady(known);
  const closed = known.ports.filter(({ listenPort }) => listenPort === undefined);
  if (closed.length > 0) {
    const names = closed.map(({ name, port }) => (name === '' ? String(port) : name)).join(', ');
    return no('Pending', `no port of the gateways is given yet to: ${names}`);
  }
  if (ips.length === 0) return no('Pending', 'the derived Service has no address yet');
  if (![...gateways.values()].some((found) => found.some(({ conditions }) => conditions.ready))) {
    return no('Pending', 'no gateway of this cluster is ready');
  }
  return {
    type: 'Ready',
    status: 'True',
    reason: 'Ready',
    message: `it is reached through this cluster's gateways${uncarried(known)}`,
  };
}

function uncarried({ otherPorts }: ClustersetService): string {
  const named = otherPorts.map(({ name, port, transport }) => `${name} (${transport} ${port})`);
  return named.length === 0 ? '' : `, which carry TCP only; not reached: ${named.join(', ')}`;
}
