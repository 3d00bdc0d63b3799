import { isIPv6 } from 'node:net';
import type { ClusterName } from '../../../federation/model/cluster.ts';
import type { AddressGroup, FlatHost } from '../../../federation/model/flat-network.ts';
import type { KubeObject } from '../resource-type.ts';
import type { ClustersetService } from './clusterset-view.ts';
import type { WantedCondition } from './conditions.ts';
import {
  type AddressType,
  importLabels,
  SLICE_MANAGED_BY,
  SLICE_MANAGER,
  SOURCE_CLUSTER,
  sliceName,
} from './mcs-objects.ts';

/**
 * The pods of a headless service in all clusters of this one's network, as DNS finds them: by MCS's labels, without a Service
 * of Kubernetes' own. A slice for each cluster, family of addresses and set of port numbers.
 */
export function flatSlices(known: ClustersetService): readonly KubeObject[] {
  return [...known.addresses].flatMap(([cluster, groups]) =>
    groups.flatMap((group, at) => slicesOfGroup(known, cluster, group, at)),
  );
}

function slicesOfGroup(
  known: ClustersetService,
  cluster: ClusterName,
  { ports, hosts }: AddressGroup,
  at: number,
): readonly KubeObject[] {
  const v6 = hosts.filter(({ address }) => isIPv6(address));
  const v4 = hosts.filter((host) => !v6.includes(host));
  const families: readonly [AddressType, readonly FlatHost[]][] = [
    ['IPv4', v4],
    ['IPv6', v6],
  ];
  const { service } = known;
  return families
    .filter(([, found]) => found.length > 0)
    .map(([addressType, found]) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: `${sliceName(service, cluster, addressType)}${at === 0 ? '' : `-${at}`}`,
        namespace: service.namespace,
        labels: { ...importLabels(service), [SOURCE_CLUSTER]: cluster, [SLICE_MANAGED_BY]: SLICE_MANAGER },
      },
      addressType,
      endpoints: found.map(flatEndpoint),
      ports: [...known.ports, ...known.otherPorts]
        .filter(({ name }) => Object.hasOwn(ports, name))
        .map(({ name, appProtocol, ...port }) => ({
          name,
          port: ports[name],
          protocol: 'transport' in port ? port.transport : 'TCP',
          ...(appProtocol === undefined ? {} : { appProtocol }),
        })),
    }));
}

function flatEndpoint({ address, hostname, ready }: FlatHost): Readonly<Record<string, unknown>> {
  return {
    addresses: [address],
    conditions: { ready, serving: ready, terminating: false },
    ...(hostname === undefined ? {} : { hostname }),
  };
}

/** Whether clients reach the pods of a headless service now, and why not. */
export function headlessReady({ addresses, offers }: ClustersetService): WantedCondition {
  const others = offers.filter(({ cluster }) => !addresses.has(cluster)).map(({ cluster }) => cluster);
  if (addresses.size === 0) {
    return {
      type: 'Ready',
      status: 'False',
      reason: 'FlatNetworkRequired',
      message:
        "a headless service's own addresses need a network that is flat between clusters (cluster.network of the chart); by the " +
        'HTTP port of the gateways it is reached under its name',
    };
  }
  const without = others.length === 0 ? '' : `; those of ${others.join(', ')} are in another network`;
  const reached = [...addresses.keys()].join(', ');
  return {
    type: 'Ready',
    status: 'True',
    reason: 'Ready',
    message: `DNS names the pods of ${reached}${without}`,
  };
}
