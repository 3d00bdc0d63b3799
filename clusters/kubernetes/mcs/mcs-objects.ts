import { createHash } from 'node:crypto';
import type { ClusterName } from '../../../federation/model/cluster.ts';
import type { ServiceName } from '../../../federation/model/service.ts';
import { type ResourceType, resourceType } from '../resource-type.ts';

export const MCS_GROUP = 'multicluster.x-k8s.io';

/** What all that we make is found by; `kubernetes/leftovers.ts` removes by it. */
export const MANAGED_BY = 'app.kubernetes.io/managed-by';
export const MANAGER = 'isthmus';
/** KEP-1645's labels. */
export const SERVICE_NAME = 'multicluster.kubernetes.io/service-name';
export const SOURCE_CLUSTER = 'multicluster.kubernetes.io/source-cluster';
/** Kubernetes' own: which Service a slice is of, and which controller keeps it. */
export const SLICE_SERVICE = 'kubernetes.io/service-name';
export const SLICE_MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
export const SLICE_MANAGER = 'federation.isthmus.io';

export const SERVICES = resourceType('', 'v1', 'services');
export const NAMESPACES = resourceType('', 'v1', 'namespaces', false);
export const ENDPOINT_SLICES = resourceType('discovery.k8s.io', 'v1', 'endpointslices');
export const SERVICE_IMPORTS: readonly [ResourceType, ResourceType] = [
  resourceType(MCS_GROUP, 'v1beta1', 'serviceimports'),
  resourceType(MCS_GROUP, 'v1alpha1', 'serviceimports'),
];
export const SERVICE_EXPORTS: readonly [ResourceType, ResourceType] = [
  resourceType(MCS_GROUP, 'v1beta1', 'serviceexports'),
  resourceType(MCS_GROUP, 'v1alpha1', 'serviceexports'),
];

/** `apiVersion` of an object of a type. */
export function apiVersion({ group, version }: ResourceType): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The Service that has an import's address: one name for each service, short enough whatever that is called. */
export function derivedName({ namespace, name }: ServiceName): string {
  const hash = createHash('sha256').update(`${namespace}/${name}`).digest('hex');
  return `derived-${hash.slice(0, 16)}`;
}

export type AddressType = 'IPv4' | 'IPv6';

/** One slice for each cluster that exports the service, and for each family of addresses. */
export function sliceName(service: ServiceName, cluster: ClusterName, addressType: AddressType): string {
  return `${derivedName(service)}-${cluster}-${addressType.toLowerCase()}`;
}

/** What every object of an import has. */
export function importLabels({ name }: ServiceName): Readonly<Record<string, string>> {
  return { [MANAGED_BY]: MANAGER, [SERVICE_NAME]: name };
}
