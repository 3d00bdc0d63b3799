import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { isAppProtocol } from '../../federation/model/object-label.ts';
import {
  type ExportTraits,
  IP_FAMILIES,
  type IpFamily,
  type OtherPort,
  type PortProtocol,
  type ServicePort,
  type ServiceType,
} from '../../federation/model/service.ts';
import { dnsLabel, port, serviceMetadata } from './metadata.ts';

const MAX_PORTS = 100;

const servicePort = z.object({
  name: dnsLabel.optional(),
  port,
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).default('TCP'),
  appProtocol: z
    .string()
    .refine(
      isAppProtocol,
      'is not the name of a protocol of 1 to 253 characters, such as http or example.com/protocol',
    )
    .nullish(),
});

/** As the API server: several ports all have names, and neither a name nor a number of a protocol comes twice. */
function checkApart(ports: readonly z.infer<typeof servicePort>[], context: z.RefinementCtx): void {
  const names = new Set<string>();
  const numbers = new Set<string>();
  for (const [index, { name, port: number, protocol }] of ports.entries()) {
    const refuse = (message: string, field?: string): void =>
      context.addIssue({ code: 'custom', path: field === undefined ? [index] : [index, field], message });
    if (name === undefined && ports.length > 1) refuse('has no name, and there are several ports');
    else if (names.has(name ?? '')) refuse(`${name}: two ports of this name`, 'name');
    if (numbers.has(`${protocol} ${number}`))
      refuse(`${number}: two ${protocol} ports of this number`, 'port');
    names.add(name ?? '');
    numbers.add(`${protocol} ${number}`);
  }
}

const affinitySeconds = z
  .int()
  .min(1, 'is not a time of 1 to 86400 seconds')
  .max(86_400, 'is not a time of 1 to 86400 seconds');

const trafficDistribution = z.string().regex(/^[A-Za-z0-9./-]{1,100}$/, 'is not a way to distribute traffic');

/** Kubernetes' own. */
const DEFAULT_AFFINITY_SECONDS = 10_800;

/** `v1` Service. */
export const serviceSchema = z.object({
  kind: z.literal('Service'),
  metadata: serviceMetadata,
  spec: z.object({
    clusterIP: z.string().nullish(),
    sessionAffinity: z.string().nullish(),
    sessionAffinityConfig: z
      .object({ clientIP: z.object({ timeoutSeconds: affinitySeconds.nullish() }).nullish() })
      .nullish(),
    internalTrafficPolicy: z.string().nullish(),
    ipFamilies: z.array(z.enum(IP_FAMILIES)).max(IP_FAMILIES.length).nullish(),
    trafficDistribution: trafficDistribution.nullish(),
    ports: z
      .array(servicePort)
      .min(1, 'has no ports')
      .max(MAX_PORTS, `has more than ${MAX_PORTS} ports`)
      .superRefine(checkApart),
  }),
});

export type ServiceObject = z.infer<typeof serviceSchema>;

/**
 * The protocols that Kubernetes' `appProtocol` names (IANA names and KEP-3726's `kubernetes.io/…`), and those of
 * Istio's and others' port name prefixes. What is not here is opaque TCP.
 */
const PROTOCOLS: ReadonlyMap<string, PortProtocol> = new Map([
  ['http', 'http'],
  ['kubernetes.io/ws', 'http'],
  ['http2', 'http2'],
  ['h2c', 'http2'],
  ['kubernetes.io/h2c', 'http2'],
  ['grpc', 'http2'],
  ['tcp', 'tcp'],
  // Not terminated: the client's TLS goes through to the service.
  ['tls', 'tcp'],
  ['https', 'tcp'],
]);

/** How a port is spoken to: its `appProtocol`, else the part of its name before the first dash, else TCP. */
export function portProtocol(name: string, appProtocol: string | undefined): PortProtocol {
  if (appProtocol !== undefined) return PROTOCOLS.get(appProtocol.toLowerCase()) ?? 'tcp';
  return PROTOCOLS.get(name.split('-', 1)[0] ?? '') ?? 'tcp';
}

/** Those that gateways carry: of TCP. */
export function servicePorts(object: ServiceObject): ServicePort[] {
  return object.spec.ports
    .filter((one) => one.protocol === 'TCP')
    .map((one) => {
      const name = one.name ?? '';
      const appProtocol = one.appProtocol ?? undefined;
      return { name, port: one.port, protocol: portProtocol(name, appProtocol), appProtocol };
    });
}

/** Those that they do not carry. */
export function otherPorts(object: ServiceObject): OtherPort[] {
  return object.spec.ports.flatMap(({ name = '', port: number, protocol, appProtocol }) =>
    protocol === 'TCP'
      ? []
      : [{ name, port: number, transport: protocol, appProtocol: appProtocol ?? undefined }],
  );
}

export function serviceType(object: ServiceObject): ServiceType {
  return object.spec.clusterIP === 'None' ? 'Headless' : 'ClusterSetIP';
}

/** In which its pods are called; of one that says nothing, that of its address. */
export function firstFamily({ spec: { ipFamilies, clusterIP } }: ServiceObject): IpFamily {
  return ipFamilies?.[0] ?? (isIPv6(clusterIP ?? '') ? 'IPv6' : 'IPv4');
}

/** What of it holds for all of the clusterset, once it is exported. */
export function serviceTraits({ spec }: ServiceObject): Omit<ExportTraits, 'labels' | 'annotations'> {
  const timeoutSeconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS;
  return {
    ...(spec.sessionAffinity === 'ClientIP' ? { sessionAffinity: { timeoutSeconds } } : {}),
    ...(spec.internalTrafficPolicy === 'Local' ? { internalTrafficPolicy: 'Local' } : {}),
    ...(spec.clusterIP === 'None' && spec.ipFamilies?.length ? { ipFamilies: spec.ipFamilies } : {}),
    ...(spec.trafficDistribution == null ? {} : { trafficDistribution: spec.trafficDistribution }),
  };
}
