import { isIP } from 'node:net';
import { z } from 'zod';
import type { Locality } from '../../federation/model/cluster.ts';
import type { Endpoint, EndpointState } from '../../federation/model/endpoint.ts';
import type { ServiceName } from '../../federation/model/service.ts';
import { dnsLabel, metadata, placeName, port } from './metadata.ts';
import { MAX_NAME_LENGTH, nameWithin, plainEndpoints, targetName } from './plain-endpoints.ts';

const SERVICE_LABEL = 'kubernetes.io/service-name';
/** Ours: Kubernetes' slices have no weights. */
const WEIGHT_ANNOTATION = 'isthmus.io/weight';
const WEIGHT = /^(?:[1-9][0-9]{0,2}|1000)$/;
const REGION_LABEL = 'topology.kubernetes.io/region';
/** As the API server's own bound. */
const MAX_ENDPOINTS = 1000;
const MAX_PORTS = 100;

/** Empty where the service's port has no name either. */
const portName = z.union([z.literal(''), dnsLabel]);

const region = placeName.optional();

/** Labels of which one may name a region. */
const placedLabels = z.record(z.string(), z.string()).superRefine((labels, context) => {
  const issue = region.safeParse(labels[REGION_LABEL]).error?.issues[0];
  if (issue !== undefined) {
    context.addIssue({ code: 'custom', path: [REGION_LABEL], message: issue.message });
  }
});

const annotations = z.record(z.string(), z.string()).superRefine((given, context) => {
  const weight = given[WEIGHT_ANNOTATION];
  if (weight === undefined || WEIGHT.test(weight)) return;
  context.addIssue({ code: 'custom', path: [WEIGHT_ANNOTATION], message: 'is not a weight from 1 to 1000' });
});

/** Of one endpoint; what is not said is as Kubernetes takes it. */
export const endpointConditions = z
  .object({
    ready: z.boolean().nullish(),
    serving: z.boolean().nullish(),
    terminating: z.boolean().nullish(),
  })
  .default({});

/** The same pod is in a slice of each family of addresses: only what names it is kept. Whatever else is there names none. */
const target = z
  .union([
    z.string(),
    z
      .object({
        kind: z.string(),
        name: z.string().min(1).max(MAX_NAME_LENGTH),
        namespace: z.string().max(MAX_NAME_LENGTH).optional(),
      })
      .transform(({ kind, name, namespace }) => targetName(kind, name, namespace)),
  ])
  .nullish()
  .catch(undefined);

const endpoint = z.object({
  // Kubernetes: consumers use only the first address.
  addresses: z
    .array(z.string().refine((text) => isIP(text) !== 0, 'is not an IP address'))
    .min(1)
    .max(100),
  conditions: endpointConditions,
  zone: placeName.nullish(),
  nodeName: z.string().max(MAX_NAME_LENGTH).nullish(),
  hostname: dnsLabel.nullish(),
  targetRef: target,
  deprecatedTopology: placedLabels.nullish(),
});

const slice = z.object({
  kind: z.literal('EndpointSlice'),
  metadata: metadata
    .extend({ labels: placedLabels.default({}), annotations: annotations.nullish() })
    .refine((meta) => meta.labels[SERVICE_LABEL] !== undefined, {
      message: `has no label ${SERVICE_LABEL}, which names its service`,
      path: ['labels'],
    }),
  addressType: z.enum(['IPv4', 'IPv6']),
  ports: z
    .array(z.object({ name: portName.nullish(), port, protocol: z.string().nullish() }))
    .max(MAX_PORTS)
    .nullish(),
  endpoints: z.array(endpoint).max(MAX_ENDPOINTS, `has more than ${MAX_ENDPOINTS} endpoints`).nullish(),
});

/** `discovery.k8s.io/v1` EndpointSlice. */
export const endpointSliceSchema = slice.transform((read) => {
  for (const one of read.endpoints ?? []) {
    if (one.targetRef != null) one.targetRef = nameWithin(read.metadata.namespace, one.targetRef);
  }
  return read;
});

export type EndpointSliceObject = z.infer<typeof endpointSliceSchema>;

/** What the schema reads of a slice of ordinary endpoints, cheaper; undefined = it is for the schema to look at. */
export function plainSlice(value: object): EndpointSliceObject | undefined {
  if (!('endpoints' in value)) return undefined;
  const rest = endpointSliceSchema.safeParse({ ...value, endpoints: [] });
  if (!rest.success) return undefined;
  const endpoints = plainEndpoints(value.endpoints, MAX_ENDPOINTS, rest.data.metadata.namespace);
  return endpoints && { ...rest.data, endpoints };
}

export function sliceService(object: EndpointSliceObject): ServiceName {
  return { namespace: object.metadata.namespace, name: object.metadata.labels[SERVICE_LABEL] ?? '' };
}

/** An absent condition is "unknown", which Kubernetes tells consumers to read as ready. */
function state(given: z.infer<typeof endpointConditions>): EndpointState {
  const terminating = given.terminating === true;
  if (given.ready !== false && !terminating) return 'ready';
  return given.serving === true && terminating ? 'degraded' : 'unready';
}

/** Where nodes are, by their names, as far as that is known. */
export interface NodePlaces {
  get(nodeName: string): Partial<Locality> | undefined;
}

/** Numbers by name; the empty name where the service's port has none either. */
export function slicePorts(object: EndpointSliceObject): Record<string, number> {
  const ports: Record<string, number> = {};
  for (const one of object.ports ?? []) ports[one.name ?? ''] = one.port;
  return ports;
}

/**
 * The slice's endpoints in the model's terms.
 * @param home where the cluster is: what holds for an endpoint that names no zone or region, and whose node names none
 * @param places where nodes are, by name
 */
export function sliceEndpoints(
  object: EndpointSliceObject,
  home: Locality,
  changedAtMs: number,
  places: NodePlaces,
): Endpoint[] {
  const ports = slicePorts(object);
  const weight = Number(object.metadata.annotations?.[WEIGHT_ANNOTATION] ?? 1);
  const region = object.metadata.labels[REGION_LABEL];
  const localities = new Map<string, Locality>();
  return (object.endpoints ?? []).map((one) => {
    const place = one.nodeName == null ? undefined : places.get(one.nodeName);
    const locality = {
      region: one.deprecatedTopology?.[REGION_LABEL] ?? region ?? place?.region ?? home.region,
      zone: one.zone ?? place?.zone ?? home.zone,
    };
    // A quarter of a million endpoints are in a few places.
    const name = `${locality.region}/${locality.zone}`;
    const shared = localities.get(name) ?? locality;
    localities.set(name, shared);
    return {
      address: one.addresses[0] ?? '',
      ports,
      locality: shared,
      state: state(one.conditions),
      changedAtMs,
      ...(one.hostname == null ? {} : { hostname: one.hostname }),
      ...(weight === 1 ? {} : { weight }),
    };
  });
}
