import { z } from 'zod';
import type { GatewayAddress } from '../../../federation/model/cluster.ts';

/** As many as a head may name. */
const MAX_ADDRESSES = 32;

const port = z.int().min(1).max(65_535);

/** Service `v1`, as far as it says where peers reach it. */
export const gatewayServiceSchema = z.object({
  spec: z.object({
    type: z.string().default('ClusterIP'),
    externalIPs: z.array(z.string()).nullish(),
    ports: z.array(z.object({ name: z.string().default(''), port, nodePort: port.optional() })).nullish(),
  }),
  status: z
    .object({
      loadBalancer: z
        .object({
          ingress: z
            .array(z.object({ ip: z.string().optional(), hostname: z.string().optional() }))
            .nullish(),
        })
        .optional(),
    })
    .optional(),
});

/** Node `v1`, as far as it says where it is. */
export const nodeSchema = z.object({
  metadata: z.object({
    name: z.string(),
    labels: z.record(z.string(), z.string()).default({}),
    deletionTimestamp: z.string().optional(),
  }),
  status: z
    .object({
      addresses: z.array(z.object({ type: z.string(), address: z.string() })).nullish(),
      conditions: z.array(z.object({ type: z.string(), status: z.string() })).nullish(),
    })
    .default({}),
});

export type GatewayServiceObject = z.infer<typeof gatewayServiceSchema>;
export type NodeObject = z.infer<typeof nodeSchema>;

/** Where peers reach this cluster's gateways, or why nobody can say. */
export type FoundAddresses =
  | {
      readonly kind: 'found';
      readonly addresses: readonly GatewayAddress[];
      /** The nodes stand in for a load balancer that has no address (yet). */
      readonly awaitsLoadBalancer?: true;
    }
  | { readonly kind: 'none'; readonly reason: string; readonly hint: string };

export interface AddressInput {
  /** Said by a person: then nothing else counts. */
  readonly advertise: readonly GatewayAddress[] | undefined;
  readonly serviceName: string;
  readonly portName: string;
  /** undefined = there is none. */
  readonly service: GatewayServiceObject | undefined;
  readonly nodes: readonly NodeObject[];
}

/** For whoever waits for the address of a load balancer. */
export const LOAD_BALANCER_CURE =
  'kubectl describe service says what the load balancer waits for; in a cluster that has none set gateway.service.type=NodePort';
const ADVERTISE = 'or say with gateway.advertise in the chart where peers reach this cluster';

/** In this order: what a person says, the load balancer, external addresses, nodes with the Service's node port. */
export function gatewayAddresses(input: AddressInput): FoundAddresses {
  const { advertise, service, serviceName, portName, nodes } = input;
  if (advertise !== undefined) return { kind: 'found', addresses: advertise };
  if (service === undefined) return none(`there is no Service ${serviceName}`, 'make it, ');
  const { type, ports, externalIPs } = service.spec;
  const meant = ports?.find(({ name }) => name === portName);
  if (meant === undefined) return none(`Service ${serviceName} has no port ${portName}`, 'add it, ');
  const balanced = (service.status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname);
  const outside = distinct([...balanced, ...(externalIPs ?? [])], meant.port);
  if (outside.length > 0) return { kind: 'found', addresses: outside };
  const awaits = type === 'LoadBalancer';
  if (meant.nodePort === undefined) {
    return awaits
      ? none(`Service ${serviceName} has no address of a load balancer yet`, `${LOAD_BALANCER_CURE}, `)
      : none(`Service ${serviceName} is of type ${type}`, 'make it a LoadBalancer or NodePort Service, ');
  }
  const onNodes = distinct(
    nodes
      .filter(isReady)
      .sort((one, other) => (one.metadata.name < other.metadata.name ? -1 : 1))
      .map(addressOf),
    meant.nodePort,
  );
  if (onNodes.length > 0) {
    return { kind: 'found', addresses: onNodes, ...(awaits ? { awaitsLoadBalancer: true } : {}) };
  }
  return none('no node is ready and has an address', 'kubectl get nodes shows why, ');
}

function none(reason: string, hint: string): FoundAddresses {
  return { kind: 'none', reason, hint: `${hint}${ADVERTISE}` };
}

function isReady({ metadata, status }: NodeObject): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  return (
    status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false
  );
}

/** The one that others reach best; peers of another network need the external one. */
function addressOf({ status }: NodeObject): string | undefined {
  const of = (type: string): string | undefined =>
    status.addresses?.find((found) => found.type === type)?.address;
  return of('ExternalIP') ?? of('InternalIP') ?? of('ExternalDNS') ?? of('Hostname');
}

function distinct(hosts: readonly (string | undefined)[], portNumber: number): readonly GatewayAddress[] {
  const known = new Set<string>();
  for (const host of hosts) if (host !== undefined && host !== '') known.add(host);
  return [...known].slice(0, MAX_ADDRESSES).map((host) => ({ host, port: portNumber }));
}

const REGION = 'topology.kubernetes.io/region';
const ZONE = 'topology.kubernetes.io/zone';

/**
 * Where a cluster is, by the labels of its nodes: the region and zone that most of them have. A cluster whose nodes say
 * nothing is a place of its own, so that nobody takes it for near.
 */
export function clusterLocality(
  cluster: string,
  nodes: readonly NodeObject[],
): { readonly region: string; readonly zone: string } {
  const counts = new Map<string, { readonly region: string; readonly zone: string; count: number }>();
  for (const { metadata } of nodes) {
    const region = metadata.labels[REGION];
    if (region === undefined || region === '') continue;
    const zone = metadata.labels[ZONE] || region;
    const place = counts.get(`${region}/${zone}`) ?? { region, zone, count: 0 };
    place.count += 1;
    counts.set(`${region}/${zone}`, place);
  }
  const [most] = [...counts].sort(([a, one], [b, other]) => other.count - one.count || (a < b ? -1 : 1));
  if (most === undefined) return { region: cluster, zone: cluster };
  const { region, zone } = most[1];
  return { region, zone };
}
