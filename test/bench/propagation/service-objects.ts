import type { KubeObject, ResourceType } from '../../../clusters/kubernetes/resource-type.ts';

export const NAMESPACE = 'shop';
export const SERVICES: ResourceType = { group: '', version: 'v1', plural: 'services', namespaced: true };
export const SLICES: ResourceType = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  namespaced: true,
};
export const EXPORTS: ResourceType = {
  group: 'multicluster.x-k8s.io',
  version: 'v1beta1',
  plural: 'serviceexports',
  namespaced: true,
};
/** The annotation by which Kubernetes' own controller says since when what a slice says holds. */
export const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time';
const NODES = 200;
const ZONES = 3;

/** An endpoint of a service as its slice has it. */
export interface PodEndpoint {
  readonly address: string;
  readonly ready: boolean;
}

/** What stands in a cluster's API for a service. */
export interface ServicePlan {
  readonly index: number;
  readonly name: string;
  /** Of the pods. */
  readonly port: number;
  readonly endpoints: readonly PodEndpoint[];
}

/** A service of pods that nobody will call. */
export function plannedService(index: number, endpoints: number): ServicePlan {
  return {
    index,
    name: `service-${index}`,
    port: 8080,
    endpoints: Array.from({ length: endpoints }, (_, pod) => ({
      address: podAddress(index, pod, 0),
      ready: true,
    })),
  };
}

/** The pod that is the `generation`th in its place. */
export function podAddress(index: number, pod: number, generation: number): string {
  return `10.${(index >> 8) & 127}.${index & 255}.${1 + ((pod + generation * 25) % 250)}`;
}

/** A Service with an address, its slice, and its export. */
export function serviceObjects(plan: ServicePlan): readonly (readonly [ResourceType, KubeObject])[] {
  const metadata = { name: plan.name, namespace: NAMESPACE };
  const ports = [{ name: 'http', port: 80, protocol: 'TCP', appProtocol: 'http' }];
  const spec = { selector: { app: plan.name }, ports };
  return [
    [SERVICES, { apiVersion: 'v1', kind: 'Service', metadata, spec }],
    [SLICES, sliceObject(plan)],
    [EXPORTS, { apiVersion: 'multicluster.x-k8s.io/v1beta1', kind: 'ServiceExport', metadata }],
  ];
}

/**
 * As Kubernetes' own controller writes it.
 * @param triggeredAtMs when what it tells of happened, Unix ms
 */
export function sliceObject(plan: ServicePlan, triggeredAtMs?: number): KubeObject {
  const { name, port } = plan;
  const annotations =
    triggeredAtMs === undefined ? {} : { [TRIGGER_TIME]: new Date(triggeredAtMs).toISOString() };
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name,
      namespace: NAMESPACE,
      labels: { 'kubernetes.io/service-name': name },
      annotations,
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port, protocol: 'TCP' }],
    endpoints: plan.endpoints.map((endpoint, pod) => sliceEndpoint(plan, endpoint, pod)),
  };
}

/** @param pod the endpoint's place in the slice */
export function sliceEndpoint({ name, index }: ServicePlan, { address, ready }: PodEndpoint, pod: number) {
  return {
    addresses: [address],
    conditions: { ready, serving: ready, terminating: false },
    nodeName: `node-${(index + pod) % NODES}`,
    zone: `zone-${(index + pod) % ZONES}`,
    targetRef: {
      kind: 'Pod',
      namespace: NAMESPACE,
      name: `${name}-7d9f8b6c5-${pod}`,
      uid: `${index}-${pod}`,
    },
  };
}
