import { z } from 'zod';
import { type ServiceKey, serviceKey } from '../../../federation/model/service.ts';
import { exportSpecSchema } from '../../schema/service-export-schema.ts';
import { type ObjectCondition, readConditions } from './conditions.ts';
import type { ExportedService } from './export-conditions.ts';
import { exportedOf } from './exported-names.ts';
import { MANAGED_BY, MANAGER, SERVICE_NAME } from './mcs-objects.ts';

/** An object as it is in the cluster. */
export interface Observed {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Whether we made it. What somebody else made is not touched. */
  readonly ours: boolean;
  /** The service that it was made for; undefined of others' objects. */
  readonly owner: ServiceKey | undefined;
  /** All that we decide of it, in one form: two objects with the same text need no writing. */
  readonly content: string;
  /** `label NAME` and `annotation NAME` of those that we decide, and may have to take away again. */
  readonly names?: readonly string[];
}

export interface ObservedService extends Observed {
  readonly clusterIPs: readonly string[];
  readonly exported: ExportedService;
  /** Where each port of it leads, as far as that is a number. */
  readonly targets: readonly { readonly name: string; readonly port: number }[];
}

export interface ObservedImport extends Observed {
  readonly clusters: readonly string[];
  readonly endpointSliceObjects: string | undefined;
  readonly conditions: readonly ObjectCondition[];
  readonly generation: number | undefined;
}

export interface ObservedExport {
  readonly name: string;
  readonly namespace: string;
  /** What of its spec cannot be exported. */
  readonly fault: string | undefined;
  readonly conditions: readonly ObjectCondition[];
  readonly generation: number | undefined;
}

const metadata = z.object({
  name: z.string(),
  namespace: z.string(),
  uid: z.string().default(''),
  resourceVersion: z.string().default(''),
  generation: z.int().optional(),
  labels: z.record(z.string(), z.string()).nullish(),
  annotations: z.record(z.string(), z.string()).nullish(),
  ownerReferences: z.array(z.object({ kind: z.string(), uid: z.string() })).nullish(),
});

type Metadata = z.infer<typeof metadata>;

const port = z.object({
  name: z.string().nullish(),
  port: z.int(),
  protocol: z.string().default('TCP'),
  appProtocol: z.string().nullish(),
  targetPort: z.union([z.int(), z.string()]).optional(),
});

type Port = z.infer<typeof port>;

const service = z.object({
  metadata,
  spec: z.object({
    type: z.string().default('ClusterIP'),
    selector: z.record(z.string(), z.string()).nullish(),
    externalIPs: z.array(z.string()).nullish(),
    sessionAffinity: z.string().default('None'),
    internalTrafficPolicy: z.string().default('Cluster'),
    clusterIPs: z.array(z.string()).nullish(),
    ports: z.array(port).nullish(),
  }),
});

const slice = z.object({
  metadata,
  addressType: z.string(),
  endpoints: z.array(z.record(z.string(), z.unknown())).nullish(),
  ports: z.array(port).nullish(),
});

const imported = z.object({
  metadata,
  spec: z
    .looseObject({ type: z.string(), ports: z.array(port).nullish(), ips: z.array(z.string()).nullish() })
    .optional(),
  status: z
    .object({
      clusters: z.array(z.object({ cluster: z.string() })).nullish(),
      endpointSliceObjects: z.string().optional(),
      conditions: readConditions,
    })
    .optional(),
});

const exported = z.object({
  metadata,
  spec: z.unknown().optional(),
  status: z.object({ conditions: readConditions }).optional(),
});

/** Also of an object that is yet to be written. */
export function observeService(object: unknown): ObservedService {
  const { metadata: meta, spec } = service.parse(object);
  const { type, selector, externalIPs, sessionAffinity, internalTrafficPolicy } = spec;
  const ports = (spec.ports ?? []).map(portText);
  const decided = {
    type,
    selector: selector ?? {},
    externalIPs: externalIPs ?? [],
    sessionAffinity,
    internalTrafficPolicy,
    ports,
  };
  return {
    ...observed(meta, decided),
    clusterIPs: (spec.clusterIPs ?? []).filter((ip) => ip !== 'None'),
    targets: (spec.ports ?? []).flatMap(({ name, targetPort }) =>
      typeof targetPort === 'number' ? [{ name: name ?? '', port: targetPort }] : [],
    ),
    exported: {
      externalName: type === 'ExternalName',
      headless: spec.clusterIPs?.[0] === 'None',
      tcpPorts: (spec.ports ?? []).filter(({ protocol }) => protocol === 'TCP').length,
      otherPorts: (spec.ports ?? []).flatMap(({ name, port: number, protocol }) =>
        protocol === 'TCP' ? [] : [`${name ?? ''} (${protocol} ${number})`],
      ),
    },
  };
}

export function observeSlice(object: unknown): Observed {
  const { metadata: meta, addressType, endpoints, ports } = slice.parse(object);
  const places = (endpoints ?? []).map(({ addresses, hostname, conditions, nodeName, zone, hints }) => [
    addresses,
    hostname,
    conditions,
    nodeName,
    zone,
    hints,
  ]);
  const labels = labelsOf(meta);
  const owners = importsOwning(meta);
  return {
    ...observed(meta, { addressType, places, ports: (ports ?? []).map(portText), labels, owners }),
    names: labels.map(([name]) => `label ${name}`),
  };
}

export function observeImport(object: unknown): ObservedImport {
  const { metadata: meta, spec, status } = imported.parse(object);
  const { type, ports, ips, ...others } = spec ?? { type: '' };
  const rest = Object.entries(others).sort(([a], [b]) => (a < b ? -1 : 1));
  const { names, values } = exportedOf(meta.labels ?? {}, meta.annotations ?? {});
  return {
    ...observed(meta, { type, ports: (ports ?? []).map(portText), ips: ips ?? [], rest, values }),
    names,
    clusters: (status?.clusters ?? []).map(({ cluster }) => cluster),
    endpointSliceObjects: status?.endpointSliceObjects,
    conditions: status?.conditions ?? [],
    generation: meta.generation,
  };
}

export function observeExport(object: unknown): ObservedExport {
  const { metadata: meta, spec, status } = exported.parse(object);
  const { name, namespace, generation } = meta;
  const [issue] = exportSpecSchema.safeParse(spec ?? {}).error?.issues ?? [];
  const fault = issue && `spec.${issue.path.join('.')} ${issue.message}`;
  return { name, namespace, generation, fault, conditions: status?.conditions ?? [] };
}

function observed(meta: Metadata, decided: object): Observed {
  const { name, namespace, uid, resourceVersion } = meta;
  const ours = meta.labels?.[MANAGED_BY] === MANAGER;
  const service = meta.labels?.[SERVICE_NAME];
  const owner = ours && service !== undefined ? serviceKey({ namespace, name: service }) : undefined;
  return { name, namespace, uid, resourceVersion, ours, owner, content: JSON.stringify(decided) };
}

/** Of others' kinds there may be more; they are none of ours to decide. */
function importsOwning({ ownerReferences }: Metadata): readonly string[] {
  return (ownerReferences ?? []).filter(({ kind }) => kind === 'ServiceImport').map(({ uid }) => uid);
}

/** Of a slice's labels those that decide what it means. */
function labelsOf({ labels }: Metadata): readonly (readonly [string, string])[] {
  return Object.entries(labels ?? {})
    .filter(([name]) => name.includes('kubernetes.io/'))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function portText({ name, port: number, protocol, appProtocol, targetPort }: Port): readonly unknown[] {
  return [name ?? '', number, protocol, appProtocol ?? '', targetPort ?? ''];
}
