import { z } from 'zod';
import { nearestWord } from '../../federation/config/nearest-word.ts';
import { checkYaml, type YamlDocument, type YamlProblem } from '../../federation/config/yaml-document.ts';
import { type AccessPolicyObject, accessPolicySchema } from './access-policy-schema.ts';
import { type ClusterPeerObject, clusterPeerSchema } from './cluster-peer-schema.ts';
import { type EndpointSliceObject, endpointSliceSchema, plainSlice } from './endpoint-slice-schema.ts';
import { type FailoverPolicyObject, failoverPolicySchema } from './failover-policy-schema.ts';
import { type GrpcRouteObject, grpcRouteSchema } from './grpc-route-schema.ts';
import { type HttpRouteObject, httpRouteSchema } from './http-route-schema.ts';
import { type PodObject, podSchema } from './pod-schema.ts';
import { type ReferenceGrantObject, referenceGrantSchema } from './reference-grant-schema.ts';
import { type ServiceExportObject, serviceExportSchema } from './service-export-schema.ts';
import { type ServiceObject, serviceSchema } from './service-schema.ts';
import { type TrafficPolicyObject, trafficPolicySchema } from './traffic-policy-schema.ts';

/** Any object that a resources folder may hold. */
export type Resource =
  | ServiceObject
  | EndpointSliceObject
  | ServiceExportObject
  | PodObject
  | FailoverPolicyObject
  | TrafficPolicyObject
  | AccessPolicyObject
  | ClusterPeerObject
  | HttpRouteObject
  | GrpcRouteObject
  | ReferenceGrantObject;

export type ResourceKind = Resource['kind'];

interface KindEntry {
  readonly apiVersions: readonly string[];
  readonly schema: z.ZodType<Resource>;
  /** What the schema would give, where it is cheaper to find out otherwise. */
  readonly plain?: (value: object) => Resource | undefined;
}

/** Every kind that is read, the versions it is read in, and its schema. */
const KINDS: Readonly<Record<ResourceKind, KindEntry>> = {
  Service: { apiVersions: ['v1'], schema: serviceSchema },
  EndpointSlice: {
    apiVersions: ['discovery.k8s.io/v1'],
    schema: endpointSliceSchema,
    plain: plainSlice,
  },
  Pod: { apiVersions: ['v1'], schema: podSchema },
  ServiceExport: {
    apiVersions: ['multicluster.x-k8s.io/v1beta1', 'multicluster.x-k8s.io/v1alpha1'],
    schema: serviceExportSchema,
  },
  FailoverPolicy: { apiVersions: ['isthmus.io/v1alpha1'], schema: failoverPolicySchema },
  TrafficPolicy: { apiVersions: ['isthmus.io/v1alpha1'], schema: trafficPolicySchema },
  AccessPolicy: { apiVersions: ['isthmus.io/v1alpha1'], schema: accessPolicySchema },
  ClusterPeer: { apiVersions: ['isthmus.io/v1alpha1'], schema: clusterPeerSchema },
  HTTPRoute: {
    apiVersions: ['gateway.networking.k8s.io/v1', 'gateway.networking.k8s.io/v1beta1'],
    schema: httpRouteSchema,
  },
  GRPCRoute: { apiVersions: ['gateway.networking.k8s.io/v1'], schema: grpcRouteSchema },
  ReferenceGrant: {
    apiVersions: ['gateway.networking.k8s.io/v1', 'gateway.networking.k8s.io/v1beta1'],
    schema: referenceGrantSchema,
  },
};

const NAMES = Object.keys(KINDS) as ResourceKind[];
const header = z.looseObject({ apiVersion: z.string(), kind: z.string() });

export type ReadResource =
  | { readonly kind: 'resource'; readonly resource: Resource; readonly line: number }
  | {
      readonly kind: 'invalid';
      /** Whether it may be another version of the object with this id, which then stays in force. */
      readonly mayBe: (id: string) => boolean;
      readonly problems: readonly YamlProblem[];
    };

/** Reads one YAML document as the kind that it says it is. */
export function readResource(document: YamlDocument): ReadResource {
  const invalid = (problems: readonly YamlProblem[]): ReadResource => {
    return { kind: 'invalid', mayBe: likeness(document.value), problems };
  };
  const head = headOf(document);
  if (head.kind === 'invalid') return invalid(head.problems);
  const entry = Object.hasOwn(KINDS, head.value.kind) ? KINDS[head.value.kind as ResourceKind] : undefined;
  if (entry === undefined) {
    return invalid([{ line: document.lineOf(['kind']), ...unknownKind(head.value.kind) }]);
  }
  if (!entry.apiVersions.includes(head.value.apiVersion)) {
    const message = `apiVersion ${head.value.apiVersion}: ${head.value.kind} is read as ${entry.apiVersions.join(' or ')}`;
    return invalid([{ line: document.lineOf(['apiVersion']), message, hint: undefined }]);
  }
  const plain = entry.plain?.(head.value);
  if (plain !== undefined) return { kind: 'resource', resource: plain, line: document.lineOf([]) };
  const checked = checkYaml(document, entry.schema);
  if (checked.kind === 'invalid') return invalid(checked.problems);
  return { kind: 'resource', resource: checked.value, line: document.lineOf([]) };
}

function headOf(document: YamlDocument): ReturnType<typeof checkYaml<z.infer<typeof header>>> {
  const { value, problems } = document;
  return problems.length === 0 && isHeaded(value) ? { kind: 'valid', value } : checkYaml(document, header);
}

/** What the header's schema would give a copy of, whatever else there is. */
function isHeaded(value: unknown): value is z.infer<typeof header> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return (
    'apiVersion' in value &&
    typeof value.apiVersion === 'string' &&
    'kind' in value &&
    typeof value.kind === 'string'
  );
}

function unknownKind(kind: string): { message: string; hint: string } {
  const meant = nearestWord(kind, NAMES);
  const hint = meant === undefined ? `kinds that are read: ${NAMES.join(', ')}` : `did you mean ${meant}?`;
  return { message: `kind ${kind} is unknown`, hint };
}

/** What names an object across files and versions. */
export function resourceId(resource: Resource): string {
  return `${resource.kind}/${resource.metadata.namespace}/${resource.metadata.name}`;
}

/** The JSON of an object that `parseStored` reads again. */
export function storedForm(resource: Resource): string {
  // Only policies hold what is written otherwise than it is kept; there are few of them, and many of the others.
  const { kind } = resource;
  const asItIs = kind === 'Pod' || kind === 'Service' || kind === 'EndpointSlice' || kind === 'ServiceExport';
  return JSON.stringify(asItIs ? resource : z.encode(KINDS[kind].schema, resource));
}

/** @throws Error when it is not an object that this version reads. */
export function parseStored(value: unknown): Resource {
  const { kind } = z.looseObject({ kind: z.enum(NAMES) }).parse(value);
  return KINDS[kind].schema.parse(value);
}

const named = z.object({
  kind: z.string(),
  metadata: z.object({ name: z.string(), namespace: z.string().default('default') }),
});

/**
 * What cannot be read may be any object; one of an unknown kind (mistyped, most likely) any of its name. To take a
 * good object for removed would end what it serves.
 */
function likeness(value: unknown): (id: string) => boolean {
  const result = named.safeParse(value);
  if (!result.success) return () => true;
  const { kind, metadata } = result.data;
  const name = `${metadata.namespace}/${metadata.name}`;
  return Object.hasOwn(KINDS, kind) ? (id) => id === `${kind}/${name}` : (id) => id.endsWith(`/${name}`);
}
