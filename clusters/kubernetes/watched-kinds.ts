import { z } from 'zod';
import { type Fields, isFields } from '../../federation/model/fields.ts';
import type { ResourceKind } from '../schema/resource.ts';
import { type ResourceType, resourceType } from './resource-type.ts';

/** A kind that is followed in the cluster. */
export interface WatchedKind {
  readonly kind: ResourceKind;
  /** The versions in which it is read, the best first. */
  readonly types: readonly [ResourceType, ...ResourceType[]];
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** What the cluster does without it, where a person should know; undefined = it may well be missing. */
  readonly withoutIt?: string;
  /** What is read of an object; undefined = it says nothing to us. */
  readonly select?: (object: Fields) => Fields | undefined;
}

/** Of what we derive from imports; a service of ours must not come back as an own one. */
const NOT_OURS = 'app.kubernetes.io/managed-by!=isthmus';
const WEIGHT_ANNOTATION = 'isthmus.io/weight';

const mcs = (version: string): ResourceType =>
  resourceType('multicluster.x-k8s.io', version, 'serviceexports');
const gatewayApi = (plural: string, version = 'v1'): ResourceType =>
  resourceType('gateway.networking.k8s.io', version, plural);
const own = (plural: string, namespaced = true): ResourceType =>
  resourceType('isthmus.io', 'v1alpha1', plural, namespaced);

/** Every kind that a provider reads as objects. A new one: its schema in `clusters/schema/resource.ts`, and a row here. */
export const WATCHED_KINDS: readonly WatchedKind[] = [
  {
    kind: 'Service',
    types: [resourceType('', 'v1', 'services')],
    labelSelector: NOT_OURS,
    select: selectService,
  },
  {
    kind: 'EndpointSlice',
    types: [resourceType('discovery.k8s.io', 'v1', 'endpointslices')],
    labelSelector: `kubernetes.io/service-name,${NOT_OURS}`,
    select: selectSlice,
  },
  { kind: 'ServiceExport', types: [mcs('v1beta1'), mcs('v1alpha1')], withoutIt: 'no service is exported' },
  { kind: 'FailoverPolicy', types: [own('failoverpolicies')], withoutIt: 'services fail over by default' },
  { kind: 'TrafficPolicy', types: [own('trafficpolicies')], withoutIt: 'traffic goes as by default' },
  { kind: 'AccessPolicy', types: [own('accesspolicies')], withoutIt: 'everybody may call every service' },
  {
    kind: 'ClusterPeer',
    types: [own('clusterpeers', false)],
    withoutIt: 'every peer may offer in every namespace',
  },
  { kind: 'HTTPRoute', types: [gatewayApi('httproutes'), gatewayApi('httproutes', 'v1beta1')] },
  { kind: 'GRPCRoute', types: [gatewayApi('grpcroutes')] },
  {
    kind: 'ReferenceGrant',
    types: [gatewayApi('referencegrants'), gatewayApi('referencegrants', 'v1beta1')],
  },
];

/**
 * Who calls from which address, for the AccessPolicies that take that for proof, here and in other clusters. Apart from the
 * others: they are large and many, and of each only that is kept.
 */
export const PODS: WatchedKind = {
  kind: 'Pod',
  types: [resourceType('', 'v1', 'pods')],
  // None of these has an address of its own.
  fieldSelector: 'spec.hostNetwork=false,status.phase!=Succeeded,status.phase!=Failed',
};

/** Where nodes say where they are; read as metadata alone. */
export const NODES: ResourceType = resourceType('', 'v1', 'nodes', false);

const servicePorts = z.object({
  spec: z.object({ type: z.string().optional(), ports: z.array(z.unknown()).min(1) }),
});

/** An ExternalName, or a headless service without ports, has nothing that a gateway could carry. */
function selectService(object: Fields): Fields | undefined {
  const read = servicePorts.safeParse(object);
  return read.success && read.data.spec.type !== 'ExternalName' ? object : undefined;
}

/** Slices of names (FQDN) and ports without a number (any) are for others; of annotations only ours is kept. */
function selectSlice(object: Fields): Fields | undefined {
  const { metadata, addressType, ports } = object;
  // By hand, for hundreds change each second.
  if (!isFields(metadata) || (addressType !== 'IPv4' && addressType !== 'IPv6')) return undefined;
  const given = metadata.annotations ?? {};
  if (!isFields(given) || !(ports == null || isPortList(ports))) return undefined;
  const weight = given[WEIGHT_ANNOTATION];
  const annotations = weight === undefined ? undefined : { [WEIGHT_ANNOTATION]: weight };
  return {
    ...object,
    metadata: { ...metadata, annotations },
    ports: ports?.filter(({ port }) => port != null),
  };
}

function isPortList(value: unknown): value is readonly Fields[] {
  return (
    Array.isArray(value) &&
    value.every((one) => isFields(one) && (one.port == null || Number.isFinite(one.port)))
  );
}
